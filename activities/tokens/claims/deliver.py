"""Deliver claims: the token goes to the wallet that claimed it, exactly once, from custody or from its mint."""

from typing import Literal, Protocol

from activities.books.post import post_mint
from activities.core.commands import MintTicket
from activities.core.ports import EventStore, TokenChain
from activities.core.task_queues import MINT, activity_on
from activities.tokens.mint import Wallets
from activities.tokens.minter import SoldTicket, TicketMinter
from activities.tokens.submit import land_once
from activities.tokens.trees.leaves import end_leaf
from domain.core.errors import InvalidWallet, WrongState
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.claiming import LapseReason
from domain.tickets.ticket import Ticket
from domain.tickets.token import SignedTransaction, Whereabouts

ClaimOutcome = Literal["done", "lapsed"]


class ClaimingChain(TokenChain, Protocol):
    """Solana, as claims need it."""

    async def whereabouts(self, minted: SignedTransaction, wallet: str, since: int = 0) -> Whereabouts:
        """Return where a minted token is, finalized, at a slot or later: where it was minted, or where it may be now.

        `claimed`: it has left that account, and the wallet has had it.
        """

    async def sign_transfer(self, minted: SignedTransaction, wallet: str) -> SignedTransaction:
        """Sign, as the permanent delegate, the move of a token from the account of its mint to a wallet."""


class _LapsedError(Exception):
    """The claim ends without the token."""

    def __init__(self, reason: LapseReason) -> None:
        super().__init__(reason)
        self.reason = reason


class ClaimActivities:
    """Delivers claimed tokens. Idempotent: what is done is found in the events, what was signed is looked up on chain.

    A ticket without a token is minted straight to the wallet; any other token is moved out of custody.
    """

    def __init__(self, store: EventStore, chain: ClaimingChain, wallets: Wallets, creator: str) -> None:
        self._store = store
        self._chain = chain
        self._wallets = wallets
        self._tickets = TicketMinter(store, chain, creator)

    @activity_on(MINT, name="deliver_claim")
    async def deliver_claim(self, claimed: MintTicket) -> ClaimOutcome:
        """Bring the token to the claimed wallet; a claim that cannot be met lapses, and may be made anew.

        With the claim the token is no longer owed: the books say so in the same transaction.
        """
        sold = await self._tickets.read(claimed.ticket_id, claimed.purchase.purchase_id)
        if sold.ticket.claim != "requested":
            return "done" if sold.ticket.claim == "done" else "lapsed"
        try:
            signature = await self._deliver(sold)
        except _LapsedError as lapsed:
            reason = lapsed.reason
        except WrongState:
            if (await self._see(claimed.ticket_id)).state != "void":
                raise
            reason = "refunded"
        else:
            await self._store.commit(lambda uow: _finish(uow, claimed, signature))
            return "done"
        await self._store.commit(lambda uow: uow.get(Ticket, claimed.ticket_id).lapse_claim(reason, uow.at))
        return "lapsed"

    async def _deliver(self, sold: SoldTicket) -> str:
        """Return the signature of the transaction that brought the token to the wallet."""
        ticket = sold.ticket
        if ticket.state == "void":
            raise _LapsedError("refunded")
        wallet = await self._wallet_of(sold)
        if ticket.mint_address is None:
            # The leaf ends with the signed bytes: the ticket is proved by one of them, never by both or by none.
            await self._tickets.mint(sold, wallet, lambda uow: end_leaf(uow, uow.get(Ticket, ticket.identity), "claim"))
            ticket = await self._see(ticket.identity)
        minted = ticket.signed
        if minted is None or ticket.mint_signature is None:  # it was refunded before its token was there
            raise _LapsedError("refunded")
        if self._chain.signed_spec(minted).owner_address == wallet:
            return ticket.mint_signature
        return await self._move(ticket, minted, wallet)

    async def _wallet_of(self, sold: SoldTicket) -> str:
        """Return the wallet of the claim: the one that bytes were signed for, or the kept one, if it is somebody's."""
        ticket = sold.ticket
        signed = ticket.signed if sold.show.mints_at_claim else ticket.transfer
        wallet = self._chain.signed_spec(signed).owner_address if signed is not None else None
        if wallet is not None:
            return wallet
        wallet = await self._wallets.wallet_of(ticket.holder_id) if ticket.holder_id else None
        if wallet is None:
            raise _LapsedError("no-wallet")
        try:
            await self._chain.check_wallet(wallet, vault=False)
        except InvalidWallet as invalid:
            raise _LapsedError("no-wallet") from invalid
        return wallet

    async def _move(self, ticket: Ticket, minted: SignedTransaction, wallet: str) -> str:
        async def is_moved(signed: SignedTransaction | None, since: int) -> bool:
            place = await self._chain.whereabouts(minted, wallet, since)
            if place == "elsewhere" or (place == "claimed" and signed is None):
                raise _LapsedError("not-in-custody")
            return place == "claimed"

        async def sign(after: SignedTransaction | None) -> SignedTransaction:
            signed = await self._chain.sign_transfer(minted, wallet)

            def decide(uow: UnitOfWork) -> SignedTransaction:
                return uow.get(Ticket, ticket.identity).sign_transfer(signed, uow.at, after)

            return (await self._store.commit(decide)).value

        moved = await land_once(self._chain, ticket.transfer, is_moved, sign)
        return "" if moved is None else moved.signature

    async def _see(self, ticket_id: str) -> Ticket:
        return await self._store.read(lambda uow: uow.get(Ticket, ticket_id))


def _finish(uow: UnitOfWork, claimed: MintTicket, signature: str) -> None:
    uow.get(Ticket, claimed.ticket_id).finish_claim(signature, uow.at)
    post_mint(uow, claimed)
