"""Take claims: make the text that a wallet signs, check the signature, and record the claim.

Nothing is stored for a text: its nonce is keyed with the deployment's secret over the ticket, the wallet, the expiry
and the number of the ticket's claims so far, so it is good for one claim, of this ticket, by this wallet, in time.
"""

import hmac
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from activities.core.commands import MintTicket, PurchaseRef
from activities.core.ports import EventStore
from activities.tokens.claims.wallets import WalletCheck
from activities.tokens.mint import Wallets
from domain.core.errors import ChallengeExpired, NotInCustody, Refusal, SignatureInvalid
from domain.core.ids import Identity, derived
from domain.core.unit_of_work import UnitOfWork
from domain.orders.order import Order
from domain.tickets.claiming import ClaimState
from domain.tickets.ticket import Ticket
from domain.tickets.token import SignedTransaction, TokenSpec

CHALLENGE_LIFE = timedelta(minutes=10)
TEXT = """Claim a ticket

The token of this ticket goes to this wallet. To sign is free, and moves nothing else.

Ticket: {ticket}
Wallet: {wallet}
Deployment: {deployment}
Nonce: {nonce}
Expires: {expires}"""


class Challenge(NamedTuple):
    """A text to sign with a wallet, before a moment."""

    message: str
    nonce: str
    expires_at: datetime


class ClaimTicket(NamedTuple):
    """A claim: the signature (base58) of a wallet over the text with a nonce."""

    ticket_id: str
    wallet: str
    nonce: str
    signature: str


class RecordedClaim(NamedTuple):
    """A recorded claim, and the event store's position when it was read or recorded."""

    ticket: MintTicket
    show_id: str
    state: ClaimState
    position: int


class Holders(Wallets, Protocol):
    """The wallets of those who claim tickets, in the table of buyers."""

    async def keep_holder(self, holder_id: str, tenant_id: str, purchase_id: str, ticket_id: str, wallet: str) -> None:
        """Store a wallet; an id that is stored already stays unchanged."""

    async def forget(self, buyer_id: str) -> None:
        """Delete a row that no event names."""


class CustodyReader(Protocol):
    """The chain, as far as it tells who shall hold a token."""

    def is_custody(self, address: str) -> bool:
        """Return whether an address holds tickets without a wallet, or did so before a rotation."""

    def signed_spec(self, signed: SignedTransaction) -> TokenSpec:
        """Read back from its bytes which token a signed mint makes."""


class WalletProofs(NamedTuple):
    """How a wallet is judged: its address, its signature over a text, and the custody that it claims from."""

    check: WalletCheck
    has_signed: Callable[[str, bytes, str], bool]
    custody: CustodyReader


class ClaimCommands:
    """Records claims. A repeat by the same wallet returns the claim that it made."""

    def __init__(self, store: EventStore, holders: Holders, proofs: WalletProofs, identity: Identity) -> None:
        self._store = store
        self._holders = holders
        self._proofs = proofs
        self._identity = identity

    async def challenge(self, ticket_id: str, wallet: str) -> Challenge:
        """Return the text that a wallet signs to claim a ticket; raise as `claim` does where it could not."""
        ticket, now = await self._store.read(lambda uow: (uow.get(Ticket, ticket_id), uow.at))
        self._check(ticket)
        await self._proofs.check.check(wallet, vault=False)
        return self._challenge(ticket, wallet, (now + CHALLENGE_LIFE).replace(microsecond=0))

    async def claim(self, command: ClaimTicket) -> RecordedClaim:
        """Record a claim, once; raise AlreadyClaimed, NotInCustody, ChallengeExpired, SignatureInvalid, InvalidWallet.

        Raise WrongState for a ticket that is not paid, or disputed.
        """
        ticket, now = await self._store.read(lambda uow: (uow.get(Ticket, command.ticket_id), uow.at))
        if (known := await self._repeated(ticket, command)) is not None:
            return known
        self._check(ticket)
        await self._check_signature(ticket, command, now)
        holder_id = derived("bu", secrets.token_hex())
        await self._holders.keep_holder(
            holder_id, ticket.tenant_id, ticket.purchase_id, command.ticket_id, command.wallet
        )
        try:
            committed = await self._store.commit(lambda uow: _record(uow, command.ticket_id, holder_id))
        except Refusal:
            await self._holders.forget(holder_id)
            now_claimed = await self._store.read(lambda uow: uow.get(Ticket, command.ticket_id))
            if (known := await self._repeated(now_claimed, command)) is not None:
                return known
            raise
        return RecordedClaim(committed.value, ticket.show_id, "requested", committed.position)

    async def _repeated(self, ticket: Ticket, command: ClaimTicket) -> RecordedClaim | None:
        """Return the claim of a ticket if this wallet has made it."""
        if ticket.claim == "none" or ticket.holder_id is None:
            return None
        if await self._holders.wallet_of(ticket.holder_id) != command.wallet:
            return None
        found = await self._store.read_with_position(lambda uow: _named(uow, uow.get(Ticket, command.ticket_id)))
        return RecordedClaim(found.value, ticket.show_id, ticket.claim, found.position)

    def _check(self, ticket: Ticket) -> None:
        """Refuse a ticket that nobody can claim now."""
        ticket.check_claim()
        signed = ticket.signed
        custody = self._proofs.custody
        if signed is not None and not custody.is_custody(custody.signed_spec(signed).owner_address or ""):
            raise NotInCustody("the token was minted to the wallet of its purchase", ticket_id=ticket.identity)

    async def _check_signature(self, ticket: Ticket, command: ClaimTicket, now: datetime) -> None:
        """Refuse a text that is too old, or not ours for this ticket and wallet, and what the wallet has not signed."""
        expires_at = _expiry_of(command.nonce)
        made = None if expires_at is None else self._challenge(ticket, command.wallet, expires_at)
        if made is None or not hmac.compare_digest(made.nonce.encode(), command.nonce.encode()):
            raise SignatureInvalid("the nonce was not made for this ticket and wallet, or it was used")
        if made.expires_at <= now:
            raise ChallengeExpired(f"the text expired at {made.expires_at.isoformat()}")
        await self._proofs.check.check(command.wallet, vault=False)
        if not self._proofs.has_signed(command.wallet, made.message.encode(), command.signature):
            raise SignatureInvalid("the signature is not the wallet's over this text")

    def _challenge(self, ticket: Ticket, wallet: str, expires_at: datetime) -> Challenge:
        second = str(int(expires_at.timestamp()))
        nonce = f"{second}.{self._identity.derive('nc', ticket.identity, wallet, second, str(ticket.claims))}"
        message = TEXT.format(
            ticket=ticket.public_name,
            wallet=wallet,
            deployment=self._identity.deployment_id,
            nonce=nonce,
            expires=expires_at.isoformat(),
        )
        return Challenge(message, nonce, expires_at)


def _expiry_of(nonce: str) -> datetime | None:
    """Return the expiry in a nonce; None where there is none."""
    second = nonce.partition(".")[0]
    try:
        return datetime.fromtimestamp(int(second), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _record(uow: UnitOfWork, ticket_id: str, holder_id: str) -> MintTicket:
    ticket = uow.get(Ticket, ticket_id)
    ticket.claim_token(holder_id, uow.at)
    return _named(uow, ticket)


def _named(uow: UnitOfWork, ticket: Ticket) -> MintTicket:
    """Return the input of the claim's workflow; a ticket outside orders has one attempt."""
    order = uow.find(Order, ticket.purchase_id)
    attempt = order.attempt if order is not None else 1
    purchase = PurchaseRef(tenant_id=ticket.tenant_id, purchase_id=ticket.purchase_id, attempt=attempt)
    return MintTicket(purchase=purchase, ticket_id=ticket.identity)
