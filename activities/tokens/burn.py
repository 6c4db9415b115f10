"""Burn the token of a refunded ticket in any account, after waiting for a mint in flight."""

import asyncio
from typing import Literal, Protocol

from activities.core.commands import MintTicket
from activities.core.ports import EventStore, TransactionSender
from activities.core.task_queues import MINT, activity_on
from activities.tokens.submit import POLL_SECONDS, land
from activities.tokens.trees.leaves import end_leaf
from domain.core.errors import WrongState
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.ticket import Ticket
from domain.tickets.token import SignedTransaction

Burnt = Literal["burnt", "never made", "nullified"]


class BurningChain(TransactionSender, Protocol):
    """Solana, as the burn needs it. Every call may raise `domain.core.transient.TransientError`."""

    async def supply_of(self, address: str, since: int = 0) -> int | None:
        """Return a token's finalized supply at a slot or later; None when there is no mint at the address."""

    async def sign_burn(self, address: str, minted: SignedTransaction | None) -> SignedTransaction:
        """Sign the burn of a token in any account, as its permanent delegate; send nothing.

        `minted` minted it, into the account that is looked at first.
        """


class BurnActivities:
    """Burns tokens: stores signed bytes before sending them, and signs again only when they can no longer land."""

    def __init__(self, store: EventStore, chain: BurningChain) -> None:
        self._store = store
        self._chain = chain

    @activity_on(MINT, name="burn_ticket")
    async def burn_ticket(self, mint: MintTicket) -> Burnt:
        """Burn a void ticket's token, forgo its mint, or end its leaf.

        The empty mint stays, so no late retry can mint again.
        """
        ticket = await self._store.read(lambda uow: uow.get(Ticket, mint.ticket_id))
        if ticket.state != "void":
            raise WrongState(
                f"ticket is {ticket.state}; only the token of a void ticket is burnt", ticket_id=mint.ticket_id
            )
        if ticket.ended_as == "burnt":
            return "burnt"
        if ticket.leaf is not None and ticket.leaf_end != "claim":
            await self._store.commit(lambda uow: end_leaf(uow, uow.get(Ticket, mint.ticket_id), "refund"))
            return "nullified"
        address = await self._landed(ticket)
        if address is None:
            await self._store.commit(lambda uow: uow.get(Ticket, mint.ticket_id).forgo_token(uow.at))
            return "never made"
        await self._burn(ticket, address)
        return "burnt"

    async def _landed(self, ticket: Ticket) -> str | None:
        """Wait until the ticket's signed mint has landed or can no longer land; return the token's address, if any."""
        if ticket.mint_address is not None:
            return ticket.mint_address
        signed = ticket.signed
        if signed is None or ticket.ended_as == "forgone":
            return None
        while True:
            # "It never will" is proved first, and "it does not exist" at the slot of this proof or later.
            dead_since = await self._chain.dead_since(signed)
            if await self._chain.supply_of(signed.mint_address, dead_since or 0) is not None:
                break
            if dead_since is not None:
                return None
            await asyncio.sleep(POLL_SECONDS)
        address, signature = signed.mint_address, signed.signature
        await self._store.commit(lambda uow: uow.get(Ticket, ticket.identity).mint_token(address, signature, uow.at))
        return address

    async def _burn(self, ticket: Ticket, address: str) -> None:
        """Burn until the finalized supply is 0; a mint that is not shown is no burnt one."""
        signed = ticket.burn
        while (supply := await self._chain.supply_of(address)) != 0:
            if supply is None:
                raise TransientError(f"the token {address} is on chain, and a node that lags did not show it")
            if signed is None or await self._chain.dead_since(signed) is not None:
                signed = await self._sign(ticket, address)
            if await land(self._chain, signed):
                await asyncio.sleep(POLL_SECONDS)
        signature = "" if signed is None else signed.signature
        await self._store.commit(lambda uow: uow.get(Ticket, ticket.identity).burn_token(signature, uow.at))

    async def _sign(self, ticket: Ticket, address: str) -> SignedTransaction:
        signed = await self._chain.sign_burn(address, ticket.signed)

        def decide(uow: UnitOfWork) -> None:
            uow.get(Ticket, ticket.identity).sign_burn(signed, uow.at)

        await self._store.commit(decide)
        return signed
