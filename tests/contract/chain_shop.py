"""A shop in memory whose tokens are minted on a chain that is given, by the activities that production runs."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from solders.keypair import Keypair

from activities.core.commands import MintSubject, MintTicket, PurchaseRef, TreeRef
from activities.tokens.claims.deliver import ClaimActivities
from activities.tokens.claims.request import ClaimCommands, WalletProofs
from activities.tokens.claims.wallets import WalletCheck
from activities.tokens.mint import MintActivities, TicketReader
from activities.tokens.trees.proof import LeafReader
from activities.tokens.trees.roots import RootActivities
from adapters.solana.chain import SolanaTokenChain
from adapters.solana.keys import has_signed
from api.app import create_app
from api.ports import Dependencies
from domain.catalog.show import Show
from domain.catalog.venue import Venue
from domain.core.ids import DEFAULT_TENANT
from domain.tickets.has_token import TokenizedAggregate
from domain.tickets.ticket import Ticket
from tests.fakes.api_client import api_client
from tests.fakes.identity import IDENTITY
from tests.fakes.shop_world import ApiWorld


class ChainShop(ApiWorld):
    """Sells one show; where the world would pretend that a token stands on chain, it is minted."""

    def __init__(self, solana: SolanaTokenChain) -> None:
        super().__init__()
        self.solana = solana
        self.minting = MintActivities(self.store, solana, self.buyers, solana.custody_owner, solana.payer_address)
        self.claiming = ClaimActivities(self.store, solana, self.buyers, solana.payer_address)
        self.roots = RootActivities(self.store, solana)
        self.http = api_client(create_app(self.deps()))
        self.venue_id = self.show_id = self.seat = ""

    def deps(self) -> Dependencies:
        read = TicketReader(self.store, self.solana).read_ticket
        wallets = WalletCheck(self.solana)
        claims = ClaimCommands(self.store, self.buyers, WalletProofs(wallets, has_signed, self.solana), IDENTITY)
        return replace(
            super().deps(), read_ticket=read, leaves=LeafReader(self.store, self.solana), wallets=wallets, claims=claims
        )

    async def open(self, capacity: int, **more: Any) -> None:
        """Put a show on sale, whose venue and show stand on chain."""
        venue = await self._post("/api/v1/venues", {"name": "The Blue Hall"}, "venue")
        seats = [{"name": "Stalls", "price_minor": 4500, "capacity": capacity}]
        terms = {"name": "Opening Night", "currency": "eur", "ends_at": "2026-12-12T22:30:00Z", "ticket_types": seats}
        show = await self._post("/api/v1/shows", {"venue_id": venue["venue_id"], **terms, **more}, "show")
        self.venue_id, self.show_id = venue["venue_id"], show["show_id"]
        self.seat = show["ticket_types"][0]["ticket_type_id"]
        await self.announce(self.venue_id, self.show_id)

    async def buy(self, key: str, quantity: int, **buyer: Any) -> Sequence[str]:
        """Buy tickets, with their tokens; return their ids."""
        items = [{"ticket_type_id": self.seat, "quantity": quantity}]
        body = {"show_id": self.show_id, "items": items, "buyer": buyer}
        bought = await self._post("/api/v1/purchases", body, key)
        await self.pay(bought["purchase_id"])
        tickets = (await self.get(f"/api/v1/purchases/{bought['purchase_id']}"))["tickets"]
        return [ticket["ticket_id"] for ticket in tickets]

    async def claim(self, ticket_id: str, wallet: Keypair) -> None:
        """Let a wallet claim a ticket, and bring the token there."""
        path, address = f"/api/v1/tickets/{ticket_id}", str(wallet.pubkey())
        made = await self._post(f"{path}/claim-challenges", {"wallet": address}, "challenge")
        signature = str(wallet.sign_message(made["message"].encode()))
        body = {"wallet": address, "nonce": made["nonce"], "signature": signature}
        await self._post(f"{path}/claim", body, "claim")
        purchase_id = (await self.get(path))["purchase_id"]
        purchase = PurchaseRef(tenant_id=DEFAULT_TENANT, purchase_id=purchase_id, attempt=1)
        assert await self.claiming.deliver_claim(MintTicket(purchase=purchase, ticket_id=ticket_id)) == "done"

    async def write_root(self) -> None:
        """Bring the leaves of the show to the chain."""
        await self.roots.write_root(TreeRef(tenant_id=DEFAULT_TENANT, show_id=self.show_id))

    async def get(self, path: str) -> Any:
        return (await self.http.get(path)).raise_for_status().json()

    async def stand_on_chain(self, kind: type[TokenizedAggregate], identity: str) -> None:
        if kind is Ticket:
            purchase_id = (await self.store.read(lambda uow: uow.get(Ticket, identity))).purchase_id
            purchase = PurchaseRef(tenant_id=DEFAULT_TENANT, purchase_id=purchase_id, attempt=1)
            await self.minting.mint_ticket(MintTicket(purchase=purchase, ticket_id=identity))
            return
        token = "venue" if kind is Venue else "show"
        await self.minting.mint_group(MintSubject(tenant_id=DEFAULT_TENANT, kind=token, subject_id=identity))
        if kind is Show:
            await self.store.commit(lambda uow: uow.get(Show, identity).open_sale(uow.at))

    async def _post(self, path: str, body: Any, key: str) -> Any:
        answer = await self.http.post(path, json=body, headers={"Idempotency-Key": key})
        return answer.raise_for_status().json()
