"""Mint one token per subject, at an address known beforehand: the machinery of every mint, whatever asks for it.

Read first; store the signed bytes before sending; send the same bytes until they have landed or can no longer land;
only then sign again. A mint is proved once: by its final transaction, and by the token that this one has made.
"""

from collections.abc import Callable
from typing import NamedTuple

from activities.core.commands import Minted
from activities.core.ports import EventStore, TokenChain
from activities.tokens.metadata import of_ticket_type, record_drawing
from activities.tokens.submit import land_once
from domain.catalog.show import Show
from domain.catalog.venue import Venue
from domain.core.errors import WrongState
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.orders.order import Order
from domain.tickets.has_token import TokenizedAggregate
from domain.tickets.ticket import Ticket
from domain.tickets.token import SignedTransaction, TokenSpec

NAME_BYTES_MAX = 32
NO_TOKEN = Minted(mint_address="", signature="")
Also = Callable[[UnitOfWork], None]


def nothing_else(uow: UnitOfWork) -> None:
    """Decide nothing beside the signed bytes."""


class SoldTicket(NamedTuple):
    """A ticket with what its token is made of; outside orders there is none."""

    ticket: Ticket
    show: Show
    venue: Venue
    order: Order | None

    @property
    def minted(self) -> Minted | None:
        """The ticket's mint, NO_TOKEN for a void ticket; None while there is something to mint."""
        if self.ticket.state == "void":
            return NO_TOKEN
        return minted_of(self.ticket)


class Minter:
    """Mints the one token of a subject."""

    def __init__(self, store: EventStore, chain: TokenChain) -> None:
        self._store = store
        self._chain = chain

    async def mint(self, bearer: TokenizedAggregate, spec: TokenSpec, also: Also = nothing_else) -> Minted:
        """Mint a subject's token, or return its mint; raise WrongState where it may have none.

        `also` is decided in the transaction that stores the signed bytes: with them, or not at all.
        """
        if (minted := minted_of(bearer)) is not None:
            return minted
        unsigned = self._chain.address_of(spec.kind, spec.subject_id)

        async def is_made(after: SignedTransaction | None, since: int) -> bool:
            # Only bytes signed here can have made it, though no node may remember them. Rotating the issuer's key
            # changes addresses; those that were signed stay.
            address = unsigned if after is None else after.mint_address
            return await self._chain.supply_of(address, since) is not None

        async def sign(after: SignedTransaction | None) -> SignedTransaction:
            signed = await self._chain.sign(spec, again=after)

            def decide(uow: UnitOfWork) -> SignedTransaction:
                also(uow)
                return uow.get(type(bearer), bearer.identity).sign_token(signed, uow.at, after)

            return (await self._store.commit(decide)).value

        signed = await land_once(self._chain, bearer.signed, is_made, sign)
        if signed is None:
            signed = await self._adopt(bearer, spec, unsigned, also)
        address, landed = signed.mint_address, signed.signature
        await self._prove(address, signed)
        await self._store.commit(lambda uow: uow.get(type(bearer), bearer.identity).mint_token(address, landed, uow.at))
        return Minted(mint_address=address, signature=landed)

    async def _adopt(self, bearer: TokenizedAggregate, spec: TokenSpec, address: str, also: Also) -> SignedTransaction:
        """Adopt a token that was minted before a restore: the events have forgotten it, the chain has not.

        Only our keys can have made a token at this address. It is taken if it is the one that would be signed now;
        raise WrongState otherwise.
        """
        made = await self._chain.minted_by(address)
        differing = differences(self._chain.signed_spec(made), spec)
        if differing:
            raise WrongState(
                f"the token at this address is not the one to be made: {', '.join(differing)}", address=address
            )

        def decide(uow: UnitOfWork) -> SignedTransaction:
            also(uow)
            return uow.get(type(bearer), bearer.identity).adopt_token(made, uow.at)

        return (await self._store.commit(decide)).value

    async def _prove(self, address: str, signed: SignedTransaction) -> None:
        """Compare a landed token with its signed bytes, once; its holder may have moved or burnt it since."""
        token = await self._chain.read_token(address, self._chain.signed_spec(signed))
        if token is None:
            raise TransientError(f"a node that lags does not show the minted token {address}")
        if token.problems:
            raise WrongState(f"the token on chain differs from its spec: {', '.join(token.problems)}")


class TicketMinter:
    """Mints the token of a paid ticket into a given wallet: for the purchase, and for a claim."""

    def __init__(self, store: EventStore, chain: TokenChain, creator: str) -> None:
        self._store = store
        self._creator = creator
        self._minter = Minter(store, chain)

    async def read(self, ticket_id: str, purchase_id: str) -> SoldTicket:
        """Read a ticket with its show, its venue and its order."""

        def look(uow: UnitOfWork) -> SoldTicket:
            ticket = uow.get(Ticket, ticket_id)
            show = uow.get(Show, ticket.show_id)
            return SoldTicket(ticket, show, uow.get(Venue, show.venue_id), uow.find(Order, ticket.purchase_id))

        return await self._store.read(look, (Ticket.stream(ticket_id), Order.stream(purchase_id)))

    async def mint(self, sold: SoldTicket, owner_address: str, also: Also = nothing_else) -> Minted:
        """Mint the token of a ticket into a wallet; return NO_TOKEN if the ticket was refunded meanwhile.

        `also` is decided in the transaction that stores the signed bytes.
        """
        ticket, show, venue, _ = sold
        drawing = of_ticket_type(show, venue, ticket.ticket_type_id, self._creator)
        spec = TokenSpec(
            kind="ticket",
            subject_id=ticket.identity,
            name=short(show.name),
            symbol="TICKET",
            uri=await record_drawing(self._store, show, drawing),
            group_address=show.mint_address,
            owner_address=owner_address,
            transfer=show.transfer,
        )
        try:
            return await self._minter.mint(ticket, spec, also)
        except WrongState:
            if (await self._store.read(lambda uow: uow.get(Ticket, ticket.identity))).state == "void":
                return NO_TOKEN
            raise


def minted_of(bearer: TokenizedAggregate) -> Minted | None:
    """Return the recorded mint of a subject."""
    if bearer.mint_address is None or bearer.mint_signature is None:
        return None
    return Minted(mint_address=bearer.mint_address, signature=bearer.mint_signature)


def differences(made: TokenSpec, wanted: TokenSpec) -> list[str]:
    """Name the fields in which a token differs from the wanted one, but its subject, which no bytes name.

    The delegate may have been another key, the group another size; a group has no owner.
    """
    names = ["kind", "name", "symbol", "uri", "group_address", "transfer"]
    if made.owner_address is not None:
        names.append("owner_address")
    return [name for name in names if getattr(made, name) != getattr(wanted, name)]


def short(name: str) -> str:
    """Cut a name to the bytes that a wallet shows, between characters."""
    return name.encode()[:NAME_BYTES_MAX].decode(errors="ignore")
