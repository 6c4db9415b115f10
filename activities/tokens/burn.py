"""The burn step: the token of a refunded ticket ends, wherever it is; a mint in flight is waited for first."""

import asyncio
from typing import Literal, Protocol

from activities.core.commands import MintTicket
from activities.core.ports import EventStore, TransactionSender
from activities.core.task_queues import MINT, activity_on
from activities.tokens.submit import PENDING, POLL_SECONDS, has_expired, land
from domain.core.errors import WrongState
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.ticket import Ticket
from domain.tickets.token import SignedTransaction

Burnt = Literal["burnt", "never made"]


class BurningChain(TransactionSender, Protocol):
    """Solana, as the burn needs it. Raises `domain.core.transient.TransientError` for what passes."""

    async def supply_of(self, address: str) -> int | None:
        """Return how many there are of a token; None when there is no mint at the address. At confirmed."""

    async def sign_burn(self, address: str) -> SignedTransaction:
        """Sign the burning of a token in whosever account it is (we are its permanent delegate); nothing is sent."""


class BurnActivities:
    """Burns tokens: signed bytes are stored before they are sent, and new ones signed only when those are dead."""

    def __init__(self, store: EventStore, chain: BurningChain) -> None:
        self._store = store
        self._chain = chain

    @activity_on(MINT, name="burn_ticket")
    async def burn_ticket(self, mint: MintTicket) -> Burnt:
        """Make sure that a void ticket has no token; the mint stays, empty, so that no late retry can make another."""
        ticket = await self._store.read(lambda uow: uow.get(Ticket, mint.ticket_id))
        if ticket.state != "void":
            raise WrongState(
                f"ticket is {ticket.state}; only the token of a void ticket is burnt", ticket_id=mint.ticket_id
            )
        if ticket.ended_as == "burnt":
            return "burnt"
        address = await self._landed(ticket)
        if address is None:
            await self._store.commit(lambda uow: uow.get(Ticket, mint.ticket_id).forgo_token(uow.at))
            return "never made"
        await self._burn(ticket, address)
        return "burnt"

    async def _landed(self, ticket: Ticket) -> str | None:
        """Wait until what was signed for the ticket has landed or can no longer; returns where the token is, if any."""
        if ticket.mint_address is not None:
            return ticket.mint_address
        signed = ticket.signed
        if signed is None or ticket.ended_as == "forgone":
            return None
        while True:
            dead = await has_expired(self._chain, signed)  # asked first: what lands meanwhile is seen below
            if await self._chain.supply_of(signed.mint_address) is not None:
                break
            if dead:
                return None
            await asyncio.sleep(POLL_SECONDS)
        address, signature = signed.mint_address, signed.signature
        await self._store.commit(lambda uow: uow.get(Ticket, ticket.identity).mint_token(address, signature, uow.at))
        return address

    async def _burn(self, ticket: Ticket, address: str) -> None:
        signed, is_final = ticket.burn, False
        while await self._chain.supply_of(address):
            if signed is None or await has_expired(self._chain, signed):
                signed = await self._sign(ticket, address)
            is_final = await land(self._chain, signed)
        if not is_final and signed is not None and await self._chain.fate(signed.signature) in PENDING:
            await land(self._chain, signed)  # it counts only when it is final
        signature = "" if signed is None else signed.signature
        await self._store.commit(lambda uow: uow.get(Ticket, ticket.identity).burn_token(signature, uow.at))

    async def _sign(self, ticket: Ticket, address: str) -> SignedTransaction:
        signed = await self._chain.sign_burn(address)

        def decide(uow: UnitOfWork) -> None:
            uow.get(Ticket, ticket.identity).sign_burn(signed, uow.at)

        await self._store.commit(decide)
        return signed
