"""A shop's client of the real stack, and the sums that must agree between stock, books, Stripe and chain."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import cached_property
from typing import Any

import httpx
import psycopg
from solders.keypair import Keypair
from temporalio.api.common.v1 import Payload
from temporalio.client import Client

from adapters.postgres.deployment import read_deployment
from adapters.privacy.keyring import Keyring
from adapters.temporal.codec import EncryptingCodec
from adapters.temporal.connect import data_converter
from cli.buyer import pay_by_card, read_mint
from cli.checks.reconciliation import Report, reconcile
from devstack.config import POSTGRES_URL
from devstack.stack import Stack
from devstack.supervisor.data_dir import DEPLOYMENT_SECRET
from domain.core.ids import DEFAULT_TENANT, Identity
from domain.money.money import Price
from settings import read_settings
from tests.fakes.api_client import answers_of
from tests.fakes.evidence import require_invariants
from tests.fakes.patience import PATIENCE_SECONDS

ENDS = {"fulfilled", "cancelled", "refused"}
PUBLISHABLE_KEY = "pk_test_boxoffice"
CODEC_KEYS = {"test": bytes(range(32))}
_names = itertools.count(1)

WHERE_IT_LIES = ("pending_minor", "available_minor", "reserved_minor", "paid_out_minor")


class ReadingCodec(EncryptingCodec):
    """Decrypts payloads and encrypts none."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)


class Shop:
    """A client; each show that it opens has a venue of its own."""

    def __init__(self, stack: Stack, http: httpx.AsyncClient) -> None:
        self.stack = stack
        self.http = http
        self.venue_id = ""
        self.show_id = ""
        self.seat = ""
        self.capacity = 0
        self._tokens: dict[str, str] = {}

    @cached_property
    def identity(self) -> Identity:
        """The identity of the stack's deployment."""
        secret = bytes.fromhex(self.stack.env[DEPLOYMENT_SECRET])
        return Identity(read_deployment(self.stack.env[POSTGRES_URL]).deployment_id, secret)

    def id_of_key(self, prefix: str, key: str) -> str:
        """Return the id of the object that the API makes for a key."""
        return self.identity.of_key(prefix, f"{DEFAULT_TENANT}/development", key)

    @classmethod
    @asynccontextmanager
    async def at(cls, stack: Stack) -> AsyncIterator["Shop"]:
        limits = httpx.Limits(max_connections=64)
        url = stack.urls["api"]
        checked = {"response": [answers_of(url)]}
        async with httpx.AsyncClient(
            base_url=url, headers=stack.key, timeout=60, limits=limits, event_hooks=checked
        ) as http:
            yield cls(stack, http)

    async def announce(
        self,
        capacity: int = 20,
        price_minor: int = 1_000,
        hold_seconds: int = 600,
        rates: dict[str, Any] | None = None,
        *,
        key: str = "",
        **terms: Any,
    ) -> None:
        """Register a venue and a show without waiting for the chain; each has a key of its own, unless it is given."""
        key = key or f"{id(self)}-{next(_names)}"
        hall = {"name": f"Venue {key}", "rates": rates or {}}
        venue = await self.post("/api/v1/venues", hall, f"{key}-venue")
        self.venue_id = venue.json()["venue_id"]
        seats = {"name": "Seat", "price_minor": price_minor, "capacity": capacity}
        body = {
            "venue_id": self.venue_id,
            "name": "Show",
            "currency": "eur",
            "ticket_types": [seats],
            "hold_seconds": hold_seconds,
            **terms,
        }
        made = (await self.post("/api/v1/shows", body, f"{key}-show")).json()
        self.show_id, self.capacity = made["show_id"], capacity
        self.seat = (await self.show())["ticket_types"][0]["ticket_type_id"]

    async def open(self, **terms: Any) -> None:
        """Open a show and wait until it is on sale."""
        await self.announce(**terms)
        for _ in range(600):
            if (await self.show())["on_sale"]:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(await self.show())

    async def post(self, path: str, body: Any, key: str | None = None) -> httpx.Response:
        return await self.http.post(path, json=body, headers={"Idempotency-Key": key} if key else {})

    async def get(self, path: str, /, **headers: str) -> Any:
        answer = await self.http.get(path, headers=headers)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()

    async def caught_up(self) -> None:
        """Wait until the read models contain every event that is stored now."""
        async with await psycopg.AsyncConnection.connect(self.stack.env[POSTGRES_URL]) as connection:
            last = await (await connection.execute("SELECT max(notification_id) FROM events")).fetchone()
            for _ in range(500):
                seen = await (await connection.execute("SELECT position FROM rm_position")).fetchone()
                if seen is not None and last is not None and seen[0] >= (last[0] or 0):
                    return
                await asyncio.sleep(0.02)
        raise AssertionError("the projector has not caught up")

    async def show(self) -> Any:
        await self.caught_up()
        return await self.get(f"/api/v1/shows/{self.show_id}")

    async def tree(self) -> Any:
        """Return the document of the show's tree."""
        await self.caught_up()
        async with await psycopg.AsyncConnection.connect(self.stack.urls["postgres"]) as connection:
            found = await (
                await connection.execute("SELECT doc FROM rm_trees WHERE id = %s", (self.show_id,))
            ).fetchone()
        assert found is not None
        return found[0]

    async def buy(self, key: str, quantity: int = 1, **more: Any) -> httpx.Response:
        items = [{"ticket_type_id": self.seat, "quantity": quantity}]
        bought = await self.post("/api/v1/purchases", {"show_id": self.show_id, "items": items, **more}, key)
        if bought.is_success:
            self._tokens[bought.json()["purchase_id"]] = bought.json()["purchase_token"]
        return bought

    async def pay(self, client_secret: str, card: str = "pm_card_visa") -> int:
        status, _ = await pay_by_card(self.stack.urls["stripe"], client_secret, card, PUBLISHABLE_KEY)
        return status

    async def purchase(self, purchase_id: str) -> Any:
        """Read a purchase as its buyer, if this client bought it; only a buyer is told the client secret."""
        token = self._tokens.get(purchase_id)
        return await self.get(f"/api/v1/purchases/{purchase_id}", **({"Purchase-Token": token} if token else {}))

    async def until(self, purchase_id: str, done: Callable[[Any], bool], seconds: float) -> Any:
        """Wait until a purchase is as expected; a failed connection is retried, as the API may have been killed."""
        async with asyncio.timeout(seconds):
            while True:
                with suppress(httpx.TransportError):
                    seen = await self.purchase(purchase_id)
                    if done(seen):
                        return seen
                await asyncio.sleep(0.1)

    async def ended(self, purchase_id: str, seconds: float = PATIENCE_SECONDS) -> Any:
        """Wait for a purchase's end."""
        return await self.until(purchase_id, lambda seen: seen["state"] in ENDS, seconds)

    async def claim(self, purchase_id: str, ticket_id: str, wallet: Keypair) -> httpx.Response:
        """Let a wallet sign for a ticket, and claim it with the purchase's token."""
        headers = {"Purchase-Token": self._tokens[purchase_id]}
        path, address = f"/api/v1/tickets/{ticket_id}", str(wallet.pubkey())
        asked = await self.http.post(f"{path}/claim-challenges", json={"wallet": address}, headers=headers)
        asked.raise_for_status()
        made = asked.json()
        signature = str(wallet.sign_message(made["message"].encode()))
        body = {"wallet": address, "nonce": made["nonce"], "signature": signature}
        return await self.http.post(f"{path}/claim", json=body, headers=headers)

    async def refund(self, purchase_id: str, key: str, **wanted: Any) -> httpx.Response:
        return await self.post(f"/api/v1/purchases/{purchase_id}/refunds", wanted, key)

    async def emulate(self, switch: str, /, **values: Any) -> Any:
        """Set a switch of the Stripe emulator; return its answer."""
        answer = await self.http.post(f"{self.stack.urls['stripe']}/_emulator/{switch}", json=values)
        return answer.raise_for_status().json()

    async def refunded(self, purchase_id: str, refund_id: str, seconds: float = PATIENCE_SECONDS) -> Any:
        """Wait until a refund's money has arrived and its tickets have no token."""
        async with asyncio.timeout(seconds):
            while True:
                seen = await self.get(f"/api/v1/purchases/{purchase_id}/refunds/{refund_id}")
                ended = all(ticket["token"] in {"burnt", "none"} for ticket in seen["tickets"])
                if seen["state"] == "succeeded" and ended:
                    return seen
                await asyncio.sleep(0.1)

    async def engine(self) -> Client:
        """Connect a client that reads histories with and without encryption; all workers read its plain payloads."""
        converter = replace(data_converter(CODEC_KEYS), payload_codec=ReadingCodec(Keyring(CODEC_KEYS)))
        return await Client.connect(self.stack.urls["temporal"], data_converter=converter)

    async def stripe(self, path: str) -> Any:
        key = self.stack.env["BOXOFFICE_STRIPE__API_KEY"]
        async with httpx.AsyncClient(base_url=self.stack.urls["stripe"], timeout=10) as http:
            answer = await http.get(path, headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == httpx.codes.OK, answer.text
            return answer.json()

    async def check_sums(self, purchase_ids: Iterable[str]) -> Counter[str]:
        """Judge every invariant over the whole stack, and these purchases at rest; return ends by kind.

        Also compare the API with the events: stock, balance and tokens of this shop's show.
        """
        await self.caught_up()
        ends = [await self.purchase(purchase_id) for purchase_id in purchase_ids]
        assert {end["state"] for end in ends} <= ENDS, [(end["purchase_id"], end["state"]) for end in ends]
        require_invariants((await self.at_rest({end["purchase_id"] for end in ends})).findings)
        sold = [end for end in ends if end["state"] == "fulfilled"]
        seats = sum(line["quantity"] for end in sold for line in end["lines"])
        back = [line for end in sold for refund in end["refunds"] for line in end["postings"] if is_of(line, refund)]
        show = await self.show()
        stock = show["ticket_types"][0]
        if show["resell_refunded"]:
            seats -= sum(ticket["state"] == "void" for end in sold for ticket in end["tickets"])
        same("stock", (stock["sold"], stock["held"], stock["available"]), (seats, 0, self.capacity - seats))
        live = [ticket for end in sold for ticket in end["tickets"] if ticket["state"] != "void"]
        mints = {ticket["mint_address"] for ticket in live} - {None}
        if (show["transfer"], show["minting"]) == ("free", "each"):  # another waits for its claim
            same("mint addresses", len(mints), len(live))
        for mint in mints:
            await read_mint(self.stack.urls["solana_rpc"], mint)
        balance = await self.get(f"/api/v1/venues/{self.venue_id}/balance")
        share = sum(Price.model_validate(end["price"]).venue_share_minor for end in sold)
        share -= sum(line["amount"] for line in back if line["debit"].startswith("venue:"))
        share += sum(line["amount"] for line in back if line["credit"].startswith("venue:"))
        same("venue's balance", sum(line[name] for line in balance["balances"] for name in WHERE_IT_LIES), share)
        return Counter(end["state"] for end in ends)

    async def at_rest(self, purchase_ids: set[str], seconds: float = PATIENCE_SECONDS) -> Report:
        """Reconcile until these purchases are judged too: the engine reports an end with a delay."""
        settings = read_settings(self.stack.env)
        until = asyncio.get_running_loop().time() + seconds
        while True:
            report = await reconcile(settings, lambda _: None)
            left = purchase_ids - report.stillness.judged
            if not left or report.findings.violations:
                return report
            if asyncio.get_running_loop().time() > until:
                raise AssertionError(f"not at rest: {sorted(left)}")
            await asyncio.sleep(0.5)


def is_of(line: Any, refund: Any) -> bool:
    """Whether a posting belongs to a refund."""
    return bool(line["key"].startswith(refund["refund_id"]))


def same(what: str, found: Any, wanted: Any) -> None:
    """Assert equality, with both values in the message."""
    if found != wanted:
        raise AssertionError(f"{what}: {found}, expected {wanted}")
