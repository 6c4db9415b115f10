"""The buyers of a bad day: each repeats an unanswered call under the same key, as a real client would."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos.bank import Bank
from tests.chaos.plan import DISPUTES, QUIET, REGRETS, STRIKES, Buyer
from tests.real.shop import ENDS, PUBLISHABLE_KEY, Shop

GOOD, BAD = "pm_card_visa", "pm_card_chargeDeclined"
RETRY_SECONDS = 0.5
LOOK_SECONDS = 0.4
CALL_SECONDS = 15.0
ATTEMPTS_AT_A_SEAT = 3
PART_MINOR = 333
UNANSWERED = {"requested", "reserving"}
PAID = {"requires_capture", "succeeded", "processing"}
REFUSALS = {"sold-out", "hold-expired", "purchase-cancelled"}
Document = dict[str, Any]


@dataclass
class Story:
    """A buyer's actions and answers; `last_answer` is the last one to the purchase itself, None before any."""

    buyer: Buyer
    key: str
    purchase_id: str
    last_answer: str | None = None
    paid: bool = False
    cancelled: bool = False
    left_at: float = 0.0
    refund_id: str | None = None
    decided: str | None = None
    struck: str | None = None
    unexpected: list[str] = field(default_factory=list)


class PatienceEnded(Exception):  # noqa: N818 - it ran out
    """No call was answered until the deadline."""


class Visit:
    """A buyer at a show; `http` goes to the API, `till` to Stripe, both until `deadline` (monotonic).

    `calm` is set after the chaos run; `aftermaths` is shared by all, and every sale takes the next one.
    """

    def __init__(
        self,
        story: Story,
        shop: Shop,
        http: httpx.AsyncClient,
        till: httpx.AsyncClient,
        *,
        deadline: float,
        calm: asyncio.Event,
        aftermaths: Iterator[str],
    ) -> None:
        self.story = story
        self._shop = shop
        self._http = http
        self._till = till
        self._deadline = deadline
        self._calm = calm
        self._aftermaths = aftermaths

    async def run(self) -> None:
        """Act as planned, until nothing is left to do."""
        temper, pause = self.story.buyer.temper, self.story.buyer.pause
        try:
            if temper == "double-posts":
                opened = (await asyncio.gather(self._buy(), self._buy()))[0]
            else:
                opened = await self._buy()
            for _ in range(ATTEMPTS_AT_A_SEAT if temper == "tries-again" else 0):
                if self.story.last_answer == "sold-out":
                    await asyncio.sleep(pause)
                    opened = await self._buy()
            if opened is not None:
                await self._go_on(temper, pause, opened)
            if self.story.paid:
                await self._afterwards((opened or "").partition("_secret")[0])
        except PatienceEnded:
            return

    async def _go_on(self, temper: str, pause: float, secret: str) -> None:
        if temper == "late":
            await asyncio.sleep(pause)
        if temper in {"declined-then-good", "declined-for-ever"}:
            await self._pay(secret, BAD)
            await asyncio.sleep(pause / 2)
        if temper == "declined-for-ever":
            await self._pay(secret, BAD)
        elif temper == "cancels":
            await asyncio.sleep(pause / 4)
            await self._cancel()
        elif temper != "abandons":
            await self._pay(secret, GOOD)

    async def _afterwards(self, intent_id: str) -> None:
        """Once the seats are sold, do what the plan has for the next sale."""
        if await self._ended(f"/api/v1/purchases/{self.story.purchase_id}") != "fulfilled":
            return
        what = next(self._aftermaths, QUIET)
        if what in REGRETS:
            await self._request_refund(what)
        elif what in DISPUTES:
            await self._dispute(intent_id, what)
        elif what in STRIKES:
            await self._strike(intent_id, what)

    async def _buy(self) -> str | None:
        """Request seats until there is an answer; return the client secret of an open checkout."""
        buyer, shop = self.story.buyer, self._shop
        body: Document = {
            "show_id": shop.show_id,
            "items": [{"ticket_type_id": shop.seat, "quantity": buyer.quantity}],
            "buyer": {"name": f"Buyer {buyer.number}"},
        }
        if buyer.hold_seconds is not None:
            body["hold_seconds"] = buyer.hold_seconds
        headers = {"Idempotency-Key": self.story.key}
        answer = await self._answer(lambda: self._http.post("/api/v1/purchases", json=body, headers=headers))
        document: Document = answer.json()
        if answer.is_success:
            self._note_id(document)
            return await self._checkout(document)
        code = str(document.get("type", "")).rpartition(":")[2]
        self.story.last_answer = code
        if code not in REFUSALS:
            self.story.unexpected.append(f"POST was answered {answer.status_code} {code}")
        return None

    async def _checkout(self, document: Document) -> str | None:
        """Return the secret, from the answer or from the status page of a purchase that is still being opened."""
        path = document["links"]["status"]
        while document["state"] in UNANSWERED or (
            document["state"] == "awaiting-payment" and not document["client_secret"]
        ):
            await asyncio.sleep(LOOK_SECONDS)
            document = await self._read(path)
        self.story.last_answer = document["state"]
        secret: str | None = document["client_secret"]
        return secret

    async def _pay(self, secret: str, card: str) -> None:
        """Confirm as the buyer's browser does; after an unanswered call read the state, then repeat."""
        path = f"/v1/payment_intents/{secret.partition('_secret')[0]}"
        keys = {"client_secret": secret, "key": PUBLISHABLE_KEY}
        form = {**keys, "payment_method": card}
        answer = await self._answer(lambda: self._till.post(f"{path}/confirm", data=form))
        if answer.status_code == httpx.codes.BAD_REQUEST:  # it was confirmed before, or it is too late
            answer = await self._answer(lambda: self._till.get(path, params=keys))
        if answer.is_success:
            self.story.paid = answer.json()["status"] in PAID
        elif answer.status_code != httpx.codes.PAYMENT_REQUIRED or card != BAD:
            self.story.unexpected.append(f"paying was answered {answer.status_code}")

    async def _cancel(self) -> None:
        path = f"/api/v1/purchases/{self.story.purchase_id}"
        answer = await self._answer(lambda: self._http.delete(path))
        self.story.cancelled = answer.is_success  # or it had ended before, as one that an operator gave up
        if answer.status_code not in {httpx.codes.OK, httpx.codes.ACCEPTED, httpx.codes.CONFLICT}:
            self.story.unexpected.append(f"DELETE was answered {answer.status_code}")

    async def _request_refund(self, what: str) -> None:
        """Request a refund of the sale."""
        path = f"/api/v1/purchases/{self.story.purchase_id}"
        body = {"amount_minor": PART_MINOR} if what == "part" else {}
        headers = {"Idempotency-Key": f"{self.story.key}-regret"}
        answer = await self._answer(lambda: self._http.post(f"{path}/refunds", json=body, headers=headers))
        if answer.is_success:
            self.story.refund_id = answer.json()["refund_id"]
        else:
            self.story.unexpected.append(f"a refund was answered {answer.status_code}: {answer.text[:200]}")

    async def _dispute(self, intent_id: str, how: str) -> None:
        """Dispute the charge of the sale, and decide it: soon, or only after the chaos run."""
        outcome, _, late = how.partition(" ")
        key = {"Authorization": f"Bearer {self._shop.stack.env['BOXOFFICE_STRIPE__API_KEY']}"}
        intent = await self._answer(lambda: self._till.get(f"/v1/payment_intents/{intent_id}", headers=key))
        charge = intent.json()["latest_charge"]
        # A repeated call is refused, which is fine: the unanswered one had its effect.
        await self._answer(lambda: self._till.post(f"/_emulator/charges/{charge}/dispute"))
        of_it = {"payment_intent": intent_id}
        listed = await self._answer(lambda: self._till.get("/v1/disputes", params=of_it, headers=key))
        [dispute] = listed.json()["data"]
        await (self._calm.wait() if late else asyncio.sleep(self.story.buyer.pause))
        finish = f"/_emulator/disputes/{dispute['id']}/finish"
        await self._answer(lambda: self._till.post(finish, json={"outcome": outcome}))
        self.story.decided = outcome
        await self._calm.wait()
        # Disputes are polled rarely: where all webhooks of one were lost, this causes a new one.
        note, once = {"metadata[seen]": "after the chaos run"}, {**key, "Idempotency-Key": f"{dispute['id']}-note"}
        noted = await self._answer(lambda: self._till.post(f"/v1/disputes/{dispute['id']}", data=note, headers=once))
        if not noted.is_success:
            self.story.unexpected.append(f"a note on the dispute was answered {noted.status_code}")

    async def _strike(self, intent_id: str, how: str) -> None:
        """Let a bank, or a person at the dashboard, act on the sale's money, and wait until it is made good."""
        story, path = self.story, f"/api/v1/purchases/{self.story.purchase_id}"

        async def look() -> Document:
            return await self._read(path)

        bank = Bank(self._shop, self._till, story.purchase_id, self._answer, story.key)
        if how == "refund fails":
            await self._request_refund("whole")
            if story.refund_id is not None:
                await bank.fail_refund(intent_id, story.refund_id, look)
        elif how == "dashboard refund":
            story.refund_id = await bank.refund_in_dashboard(intent_id, look)
        else:
            price = (await look())["price"]["total_minor"]
            await bank.pay_again(price, disputed=how == "second payment disputed")
        story.struck = how

    async def _ended(self, path: str) -> str:
        """Wait until the purchase has ended; return its state."""
        state = ""
        while state not in ENDS:
            await asyncio.sleep(LOOK_SECONDS)
            state = (await self._read(path))["state"]
        return state

    async def _read(self, path: str) -> Document:
        """Read the purchase as soon as the read models have it; what is answered instead is unexpected, and told."""
        while not (answer := await self._answer(lambda: self._http.get(path), early=True)).is_success:
            told = f"GET was answered {answer.status_code}: {answer.text[:200]}"
            if told not in self.story.unexpected:
                self.story.unexpected.append(told)
            await asyncio.sleep(LOOK_SECONDS)
        found: Document = answer.json()
        return found

    async def _answer(self, call: Callable[[], Awaitable[httpx.Response]], *, early: bool = False) -> httpx.Response:
        """Repeat a call until it is answered; `early`: the read models may not have the purchase yet."""
        while time.monotonic() < self._deadline:
            try:
                answer = await call()
            except httpx.TransportError:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR and "internal-error" in answer.text:
                self.story.unexpected.append(f"{answer.request.method} {answer.request.url.path}: internal-error")
            retry = answer.is_server_error or answer.status_code == httpx.codes.TOO_MANY_REQUESTS
            if not retry and not (early and answer.status_code == httpx.codes.NOT_FOUND):
                return answer
            await asyncio.sleep(RETRY_SECONDS)
        raise PatienceEnded

    def _note_id(self, document: Document) -> None:
        if document["purchase_id"] != self.story.purchase_id:
            self.story.unexpected.append(f"the key became another purchase: {document['purchase_id']}")
