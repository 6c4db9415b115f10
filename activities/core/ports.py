"""The two outside worlds as the activities need them: a payment gateway and a token chain."""

from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, Protocol, TypeVar

from domain.core.unit_of_work import UnitOfWork
from domain.payments.payment_intent import IntentRequest, IntentState, StripeRefund
from domain.tickets.token import SignedTransaction, TokenKind, TokenSpec, TokenState, TransactionFate

T = TypeVar("T")


class PaymentGateway(Protocol):
    """Stripe, as the saga needs it. Every write takes the caller's idempotency key.

    Each call raises `domain.core.transient.TransientError` for what passes (network, 5xx, 429, a key in use) and
    `domain.core.errors.PaymentRefused` for a final no. Asking for what is already so (a captured intent captured again,
    a cancelled one cancelled again, a refunded charge refunded again) returns the present state.
    """

    async def create_intent(self, request: IntentRequest, key: str) -> IntentState:
        """Create the intent, or return the one that this key made."""

    async def find_intent(self, purchase_id: str) -> IntentState | None:
        """Find an intent by its metadata, for rounds in which a key may have been forgotten."""

    async def retrieve_intent(self, intent_id: str) -> IntentState:
        """Read an intent."""

    async def capture_intent(self, intent_id: str, key: str) -> IntentState:
        """Capture the whole authorised amount; returns the state that it ended in, whatever that is."""

    async def cancel_intent(self, intent_id: str, key: str) -> IntentState:
        """Cancel if that is still possible; returns the state that it ended in, whatever that is."""

    async def refund_intent(self, intent_id: str, amount_minor: int, key: str) -> StripeRefund:
        """Refund a captured amount."""

    async def refunds_of(self, intent_id: str) -> list[StripeRefund]:
        """List the refunds of an intent, whoever made them."""


class TransactionSender(Protocol):
    """Sends signed transactions. Raises `domain.core.transient.TransientError` for what passes."""

    async def send(self, signed: SignedTransaction) -> None:
        """Send the stored bytes (skipPreflight, no node retries); a repeat is harmless."""

    async def fate(self, signature: str) -> TransactionFate:
        """Return how far a sent transaction has come."""

    async def block_height(self) -> int:
        """Return the present (finalized) block height, which shows when signed bytes can no longer land."""


class TokenChain(TransactionSender, Protocol):
    """Solana, as minting needs it. Raises `TransientError` for what passes; never signs and sends in one."""

    def address_of(self, kind: TokenKind, subject_id: str) -> str:
        """Return the mint address of a subject, known before anything is sent."""

    async def read_token(self, address: str, spec: TokenSpec) -> TokenState | None:
        """Read and verify a mint against its spec; None when there is no account. At confirmed or better."""

    async def sign(self, spec: TokenSpec, *, again: bool = False) -> SignedTransaction:
        """Set limits and sign; nothing is sent.

        What the chain would refuse is refused here, unless a token of this kind and group was signed before: then its
        transaction fails, and signing `again` says why.
        """


class Committed(NamedTuple, Generic[T]):
    """What a decision returned, and the position of the event store's last event when it was saved."""

    value: T
    position: int


class EventStore(Protocol):
    """The one door through which events are appended.

    `decide` is called with a unit of work, alone, and may be called again after a conflict: it reads and decides,
    nothing else. What it records is saved all or none. Its refusals are raised here; a lost connection raises
    `TransientError(unknown=True)`, and the same decision again must then find what it did. `OverloadedError`: not made.
    """

    async def commit(self, decide: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> Committed[T]:
        """Decide and append; `reads` names streams that it will look at, which are then read together."""

    async def read(self, look: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> T:
        """Read aggregates as they are stored; events recorded on this unit of work are dropped. `reads` is as above."""

    async def read_with_position(self, look: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> Committed[T]:
        """Read, and return a log position at least as new as everything read."""
