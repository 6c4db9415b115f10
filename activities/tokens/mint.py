"""The Solana steps: a token per venue, show and ticket. `activities/tokens/minter.py` has how one is minted, once."""

import asyncio
from typing import Protocol

from activities.core.commands import Minted, MintSubject, MintTicket
from activities.core.ports import EventStore, TokenChain, TokenReader
from activities.core.task_queues import MINT, activity_on
from activities.tokens.metadata import of_show, of_ticket_type, of_venue, record_drawing
from activities.tokens.minter import NO_TOKEN, Minter, SoldTicket, TicketMinter, short
from activities.tokens.trees.leaves import open_tree, record_leaves
from domain.catalog.show import Show
from domain.catalog.venue import Venue
from domain.core.errors import InvalidWallet
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.ticket import Ticket
from domain.tickets.token import TokenSpec, TokenState

SHOWS_MAX_PER_VENUE = 1_000_000
VENUE_SECONDS = 20.0  # a finality, and some
VENUE_POLL_SECONDS = 0.1


class Wallets(Protocol):
    """Wallets, stored outside the events: of buyers, and of those who claimed a ticket."""

    async def wallet_of(self, buyer_id: str) -> str | None:
        """Return the wallet in a row, if any."""


class TicketReader:
    """Reads tickets with their tokens, which are compared with what was signed for them, not with today's settings."""

    def __init__(self, store: EventStore, chain: TokenReader) -> None:
        self._store = store
        self._reader = chain

    async def read_ticket(self, ticket_id: str) -> tuple[Ticket, TokenState | None]:
        """Return a ticket from the events and its token from the chain."""
        ticket = await self._store.read(lambda uow: uow.get(Ticket, ticket_id))
        if ticket.mint_address is None or ticket.signed is None:
            return ticket, None
        spec = self._reader.signed_spec(ticket.signed)
        if ticket.claim == "done" and ticket.transfer is not None:
            owner = self._reader.signed_spec(ticket.transfer).owner_address
            spec = spec.model_copy(update={"owner_address": owner})
        return ticket, await self._reader.read_token(ticket.mint_address, spec)


class MintActivities:
    """Mints tokens, each pointing to metadata that is drawn and stored before."""

    def __init__(
        self,
        store: EventStore,
        chain: TokenChain,
        wallets: Wallets,
        custody: str,
        creator: str,
        *,
        venue_seconds: float = VENUE_SECONDS,
    ) -> None:
        self._store = store
        self._venue_seconds = venue_seconds
        self._chain = chain
        self._wallets = wallets
        self._custody = custody
        self._creator = creator
        self._minter = Minter(store, chain)
        self._tickets = TicketMinter(store, chain, creator)

    @activity_on(MINT, name="mint_ticket")
    async def mint_ticket(self, mint: MintTicket) -> Minted:
        """Mint an issued ticket to the buyer's wallet, or to custody.

        Return NO_TOKEN if it was refunded meanwhile, or if its show mints when a ticket is claimed.
        """
        sold = await self._tickets.read(mint.ticket_id, mint.purchase.purchase_id)
        if sold.minted is not None:
            return sold.minted
        if sold.show.minting == "on_claim":  # a purchase that an older build placed
            await record_leaves(self._store, [mint.ticket_id])
        if sold.show.mints_at_claim:
            return NO_TOKEN
        return await self._tickets.mint(sold, self._custody if mint.to_custody else await self._owner_of(sold))

    async def _owner_of(self, sold: SoldTicket) -> str:
        """Return the wallet that claimed the ticket, or its buyer's, or custody where there is none.

        Custody also stands in for a wallet that has turned out to be nobody's: a ticket that is paid is minted in any
        case. Outside orders there is no stored buyer.
        """
        row = sold.ticket.holder_id or (sold.order.buyer_id if sold.order else None)
        wallet = await self._wallets.wallet_of(row) if row else None
        if wallet is None:
            return self._custody
        try:
            await self._chain.check_wallet(wallet, vault=True)  # the request has said whether it is one
        except InvalidWallet:
            return self._custody
        return wallet

    @activity_on(MINT, name="mint_group")
    async def mint_group(self, subject: MintSubject) -> Minted:
        """Mint the on-chain group of a venue or of a show."""
        if subject.kind == "venue":
            venue = await self._store.read(lambda uow: uow.get(Venue, subject.subject_id))
            return await self._minter.mint(venue, await self._venue_spec(venue))
        show, venue = await self._in_venue(subject.subject_id)
        minted = await self._minter.mint(show, await self._show_spec(show, venue))
        if show.minting == "on_claim":
            await self._draw_types(show, venue)
            await open_tree(self._store, show.identity, minted.mint_address, await self._chain.cluster())
        return minted

    async def _in_venue(self, show_id: str) -> tuple[Show, Venue]:
        """Return a show and its venue once the venue's group is on chain: another workflow mints it.

        They are often made one after the other, so a while is waited here, in line; then raise TransientError.
        """
        left = self._venue_seconds
        while True:
            found = await self._store.read(
                lambda uow: ((show := uow.get(Show, show_id)), uow.get(Venue, show.venue_id)),
            )
            if found[1].mint_address is not None:
                return found
            if left <= 0:
                raise TransientError("the venue's group is not on chain yet")
            await asyncio.sleep(VENUE_POLL_SECONDS)
            left -= VENUE_POLL_SECONDS

    async def _draw_types(self, show: Show, venue: Venue) -> None:
        """Draw the metadata of every ticket type: a leaf names it."""
        drawings = [of_ticket_type(show, venue, name, self._creator) for name in show.ticket_types]

        def decide(uow: UnitOfWork) -> None:
            for drawing in drawings:
                uow.get(Show, show.identity).draw(drawing, uow.at)

        await self._store.commit(decide)

    async def _venue_spec(self, venue: Venue) -> TokenSpec:
        return TokenSpec(
            kind="venue",
            subject_id=venue.identity,
            name=short(venue.name),
            symbol="VENUE",
            uri=await record_drawing(self._store, venue, of_venue(venue, self._creator)),
            max_size=SHOWS_MAX_PER_VENUE,
            owner_address=self._custody,
        )

    async def _show_spec(self, show: Show, venue: Venue) -> TokenSpec:
        return TokenSpec(
            kind="show",
            subject_id=show.identity,
            name=short(show.name),
            symbol="SHOW",
            uri=await record_drawing(self._store, show, of_show(show, venue, self._creator)),
            group_address=venue.mint_address,
            max_size=show.group_size,
            owner_address=self._custody,
        )
