"""One sold ticket of a show, a buyer's wallet that can sign, and the commands and activities of claims over fakes."""

from datetime import timedelta
from typing import Any

from solders.keypair import Keypair

from activities.core.commands import MintTicket
from activities.tokens.burn import BurnActivities
from activities.tokens.claims.deliver import ClaimActivities, ClaimOutcome
from activities.tokens.claims.request import ClaimCommands, ClaimTicket, RecordedClaim, WalletProofs
from activities.tokens.claims.wallets import WalletCheck
from activities.tokens.mint import MintActivities, TicketReader
from activities.tokens.trees.leaves import record_leaves
from adapters.solana.keys import has_signed
from domain.tickets.claiming import ClaimState
from domain.tickets.ticket import Ticket
from domain.tickets.token import TokenSpec
from tests.fakes.identity import IDENTITY
from tests.fakes.small_tables import MemoryBuyers
from tests.fakes.store_world import StoreWorld
from tests.fakes.token_chain import CUSTODY, FakeTokenChain
from tests.fakes.trees import open_sample_tree

GROUP = TokenSpec(kind="show", subject_id="sh", name="Night", symbol="SHOW", uri="", max_size=10, owner_address=CUSTODY)
ANN, BOB = (Keypair.from_seed(bytes([number] * 32)) for number in (1, 2))


class Claims:
    """The way of one ticket: sell, mint, claim, deliver, refund."""

    def __init__(self) -> None:
        self.shop = StoreWorld()
        self.chain = FakeTokenChain()
        self.chain._specs["mint"] = GROUP
        self.buyers = MemoryBuyers()
        store = self.shop.store
        self.minting = MintActivities(store, self.chain, self.buyers, CUSTODY, CUSTODY)
        self.burning = BurnActivities(store, self.chain)
        self.delivering = ClaimActivities(store, self.chain, self.buyers, CUSTODY)
        proofs = WalletProofs(WalletCheck(self.chain), has_signed, self.chain)
        self.commands = ClaimCommands(store, self.buyers, proofs, IDENTITY)
        self.reader = TicketReader(store, self.chain)

    async def sell(self, **terms: Any) -> "Claims":
        """Sell two tickets, as leaves where the show mints on claim."""
        await self.shop.open(**terms)
        is_tree = terms.get("minting") == "on_claim"
        if is_tree:
            await open_sample_tree(self.shop.store)
        self.purchase = await self.shop.bought(floor=2)
        await self.shop.sales.confirm_seats(self.purchase)
        await self.shop.capture(self.purchase)
        await self.shop.sales.confirm_order(self.purchase)
        await self.shop.books.settle_sale(self.purchase)
        self.ticket_id, self.other_id = (await self.shop.sales.place_order(self.purchase)).ticket_ids
        if is_tree:
            await record_leaves(self.shop.store, (self.ticket_id, self.other_id))
        return self

    @property
    def step(self) -> MintTicket:
        return MintTicket(purchase=self.purchase, ticket_id=self.ticket_id)

    async def mint(self) -> str:
        """Mint as the purchase does, and post it."""
        minted = await self.minting.mint_ticket(self.step)
        await self.shop.books.settle_mint(self.step)
        return minted.mint_address

    async def signed(self, wallet: Keypair = ANN, **changed: Any) -> ClaimTicket:
        """Let a wallet sign the text that is made for it."""
        made = await self.commands.challenge(self.ticket_id, str(wallet.pubkey()))
        signature = str(wallet.sign_message(made.message.encode()))
        return ClaimTicket(self.ticket_id, str(wallet.pubkey()), made.nonce, signature)._replace(**changed)

    async def claim(self, wallet: Keypair = ANN) -> RecordedClaim:
        return await self.commands.claim(await self.signed(wallet))

    async def deliver(self) -> ClaimOutcome:
        return await self.delivering.deliver_claim(self.step)

    async def refund(self) -> str:
        """Void the ticket, as a refund does, and burn its token."""
        await self.shop.store.commit(lambda uow: uow.get(Ticket, self.ticket_id).give_back(uow.at, even_redeemed=True))
        return await self.burning.burn_ticket(self.step)

    def brought(self) -> int:
        """Return how often a transaction has brought a token to a wallet that claimed it: by a move, or by its mint."""
        specs = (self.chain._specs[address] for address in self.chain.landings.elements())
        return self.chain.moves.total() + sum(spec.owner_address != CUSTODY for spec in specs)

    async def ticket(self) -> Ticket:
        return await self.shop.see(Ticket, self.ticket_id)

    async def state(self) -> ClaimState:
        return (await self.ticket()).claim

    def wait(self, **ago: float) -> None:
        self.shop.now += timedelta(**ago)
