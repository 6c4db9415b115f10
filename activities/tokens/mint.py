"""The Solana steps: a token per venue, show and ticket, at an address known beforehand.

Read first; store the signed bytes before sending; send the same bytes until they have landed or can no longer land;
only then sign again. A mint is proved once: by its final transaction, and by the token that this one has made.
"""

from typing import Protocol

from activities.core.commands import Minted, MintSubject, MintTicket
from activities.core.ports import EventStore, TokenChain
from activities.core.task_queues import MINT, activity_on
from activities.tokens.metadata import of_show, of_ticket_type, of_venue, record_drawing
from activities.tokens.submit import land
from domain.catalog.show import Show
from domain.catalog.venue import Venue
from domain.core.errors import InvalidWallet, WrongState
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.orders.order import Order
from domain.tickets.has_token import TokenizedAggregate
from domain.tickets.ticket import Ticket
from domain.tickets.token import SignedTransaction, TokenSpec, TokenState

SHOWS_MAX_PER_VENUE = 1_000_000
NAME_BYTES_MAX = 32
NO_TOKEN = Minted(mint_address="", signature="")


class Wallets(Protocol):
    """The buyers' wallets, stored outside the events."""

    async def wallet_of(self, buyer_id: str) -> str | None:
        """Return the buyer's wallet, if any."""


class TokenReader(Protocol):
    """Reads tokens; signs nothing."""

    def signed_spec(self, signed: SignedTransaction) -> TokenSpec:
        """Read back from its bytes which token a signed mint makes."""

    async def read_token(self, address: str, spec: TokenSpec) -> TokenState | None:
        """Read a token from the chain and verify it; None when there is none."""


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
        return ticket, await self._reader.read_token(ticket.mint_address, self._reader.signed_spec(ticket.signed))


class MintActivities:
    """Mints tokens, each pointing to metadata that is drawn and stored before."""

    def __init__(self, store: EventStore, chain: TokenChain, wallets: Wallets, custody: str, creator: str) -> None:
        self._store = store
        self._chain = chain
        self._wallets = wallets
        self._custody = custody
        self._creator = creator

    @activity_on(MINT, name="mint_ticket")
    async def mint_ticket(self, mint: MintTicket) -> Minted:
        """Mint an issued ticket to the buyer's wallet, or to custody; return NO_TOKEN if it was refunded meanwhile."""
        ticket, show, venue, order = await self._read(mint)
        if ticket.state == "void":
            return NO_TOKEN
        if ticket.mint_address is not None and ticket.mint_signature is not None:
            return Minted(mint_address=ticket.mint_address, signature=ticket.mint_signature)
        drawing = of_ticket_type(show, venue, ticket.ticket_type_id, self._creator)
        spec = TokenSpec(
            kind="ticket",
            subject_id=ticket.identity,
            name=_short(show.name),
            symbol="TICKET",
            uri=await record_drawing(self._store, show, drawing),
            group_address=show.mint_address,
            owner_address=await self._owner_of(order),
        )
        try:
            return await self._mint(ticket, spec)
        except WrongState:
            if (await self._store.read(lambda uow: uow.get(Ticket, mint.ticket_id))).state == "void":
                return NO_TOKEN
            raise

    async def _read(self, mint: MintTicket) -> tuple[Ticket, Show, Venue, Order | None]:
        def look(uow: UnitOfWork) -> tuple[Ticket, Show, Venue, Order | None]:
            ticket = uow.get(Ticket, mint.ticket_id)
            show = uow.get(Show, ticket.show_id)
            return ticket, show, uow.get(Venue, show.venue_id), uow.find(Order, ticket.purchase_id)

        return await self._store.read(look, (Ticket.stream(mint.ticket_id), Order.stream(mint.purchase.purchase_id)))

    async def _owner_of(self, order: Order | None) -> str:
        """Return the buyer's wallet, or custody where there is none, or where it has turned out to be nobody's.

        A ticket that is paid is minted in any case. Outside orders there is no stored buyer.
        """
        wallet = await self._wallets.wallet_of(order.buyer_id) if order else None
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
            return await self._mint(venue, await self._venue_spec(venue))
        show, venue = await self._store.read(
            lambda uow: (
                (show := uow.get(Show, subject.subject_id)),
                uow.get(Venue, show.venue_id),
            )
        )
        return await self._mint(show, await self._show_spec(show, venue))

    async def _venue_spec(self, venue: Venue) -> TokenSpec:
        return TokenSpec(
            kind="venue",
            subject_id=venue.identity,
            name=_short(venue.name),
            symbol="VENUE",
            uri=await record_drawing(self._store, venue, of_venue(venue, self._creator)),
            max_size=SHOWS_MAX_PER_VENUE,
            owner_address=self._custody,
        )

    async def _show_spec(self, show: Show, venue: Venue) -> TokenSpec:
        if venue.mint_address is None:
            raise TransientError("the venue's group is not on chain yet")
        return TokenSpec(
            kind="show",
            subject_id=show.identity,
            name=_short(show.name),
            symbol="SHOW",
            uri=await record_drawing(self._store, show, of_show(show, venue, self._creator)),
            group_address=venue.mint_address,
            max_size=show.group_size,
            owner_address=self._custody,
        )

    async def _mint(self, bearer: TokenizedAggregate, spec: TokenSpec) -> Minted:
        if bearer.mint_address is not None and bearer.mint_signature is not None:
            return Minted(mint_address=bearer.mint_address, signature=bearer.mint_signature)
        address = self._chain.address_of(spec.kind, spec.subject_id)
        signed = bearer.signed
        is_final = signed is not None and await self._chain.fate(signed.signature) == "finalized"
        while not is_final:
            dead_since = None if signed is None else await self._chain.dead_since(signed)
            if signed is None or dead_since is not None:
                if await self._chain.supply_of(address, dead_since or 0) is not None:
                    break  # only bytes signed here can have made it, though no node may remember them
                signed = await self._sign(bearer, spec, again=signed is not None)
            is_final = await land(self._chain, signed)
        if signed is None:
            raise WrongState("a token that was never signed here exists at this address", address=address)
        await self._prove(address, signed)
        landed = signed.signature
        await self._store.commit(lambda uow: uow.get(type(bearer), bearer.identity).mint_token(address, landed, uow.at))
        return Minted(mint_address=address, signature=landed)

    async def _prove(self, address: str, signed: SignedTransaction) -> None:
        """Compare a landed token with its signed bytes, once; its holder may have moved or burnt it since."""
        token = await self._chain.read_token(address, self._chain.signed_spec(signed))
        if token is None:
            raise TransientError(f"a node that lags does not show the minted token {address}")
        if token.problems:
            raise WrongState(f"the token on chain differs from its spec: {', '.join(token.problems)}")

    async def _sign(self, bearer: TokenizedAggregate, spec: TokenSpec, *, again: bool) -> SignedTransaction:
        signed = await self._chain.sign(spec, again=again)
        await self._store.commit(lambda uow: uow.get(type(bearer), bearer.identity).sign_token(signed, uow.at))
        return signed


def _short(name: str) -> str:
    """Cut a name to the bytes that a wallet shows, between characters."""
    return name.encode()[:NAME_BYTES_MAX].decode(errors="ignore")
