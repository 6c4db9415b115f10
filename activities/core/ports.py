"""The ports of the activities: a payment gateway, a token chain, the event store and the buyers' addresses."""

from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, Protocol, TypeVar

from domain.core.unit_of_work import UnitOfWork
from domain.payments.payment_intent import IntentRequest, IntentState, StripeRefund
from domain.tickets.token import SignedTransaction, TokenKind, TokenSpec, TokenState, TransactionFate

T = TypeVar("T")


class PaymentGateway(Protocol):
    """Stripe, as the saga needs it. Every write takes the caller's idempotency key.

    Each call raises `domain.core.transient.TransientError` (network, 5xx, 429, a key in use) or, for a final refusal,
    `domain.core.errors.PaymentRefused`. Idempotent: capturing a captured intent, cancelling a cancelled one or
    refunding a refunded charge again returns the present state.
    """

    async def create_intent(self, request: IntentRequest, key: str) -> IntentState:
        """Create the intent, or return the one created under this key."""

    async def find_intent(self, purchase_id: str) -> IntentState | None:
        """Find an intent by its metadata, for when Stripe may no longer know the key."""

    async def retrieve_intent(self, intent_id: str) -> IntentState:
        """Read an intent."""

    async def capture_intent(self, intent_id: str, key: str) -> IntentState:
        """Capture the whole authorised amount; return the resulting state, whatever it is."""

    async def cancel_intent(self, intent_id: str, key: str) -> IntentState:
        """Cancel if that is still possible; return the resulting state, whatever it is."""

    async def refund_intent(self, intent_id: str, amount_minor: int, key: str) -> StripeRefund:
        """Refund a captured amount."""

    async def refunds_of(self, intent_id: str) -> list[StripeRefund]:
        """List all refunds of an intent, ours and others."""


class TransactionSender(Protocol):
    """Sends signed transactions. Every call may raise `domain.core.transient.TransientError`."""

    async def send(self, signed: SignedTransaction) -> None:
        """Send the stored bytes (skipPreflight, no node retries); a repeat is harmless."""

    async def fate(self, signature: str) -> TransactionFate:
        """Return how far a sent transaction has come; `unknown` proves nothing, because a node may lag."""

    async def dead_since(self, signed: SignedTransaction) -> int | None:
        """Return a finalized slot at which signed bytes had failed, or expired without landing; None otherwise.

        Proved by the height and the status of one node, at this slot or later: they can never land afterwards.
        """


class TokenReader(Protocol):
    """Reads tokens; signs nothing."""

    def signed_spec(self, signed: SignedTransaction) -> TokenSpec:
        """Read back from its bytes which token a signed mint makes, or to whom signed bytes move one; no subject."""

    async def read_token(self, address: str, spec: TokenSpec) -> TokenState | None:
        """Read and verify a mint against its spec; None when there is no account. At confirmed or better."""


class TokenChain(TransactionSender, TokenReader, Protocol):
    """Solana, as minting needs it. Every call may raise `TransientError`; signing and sending are separate calls."""

    def address_of(self, kind: TokenKind, subject_id: str) -> str:
        """Return the mint address of a subject, known before anything is sent."""

    async def cluster(self) -> str:
        """Return the genesis hash of the chain."""

    async def check_wallet(self, address: str, *, vault: bool) -> None:
        """Raise InvalidWallet for an address that is nobody's; see `activities.tokens.claims.wallets.WalletReader`."""

    async def supply_of(self, address: str, since: int = 0) -> int | None:
        """Return a token's finalized supply at a slot or later; None when there is no mint at the address."""

    async def minted_by(self, address: str) -> SignedTransaction:
        """Return the final transaction that made the mint at an address, where nobody remembers having signed it.

        Only our keys can have. Raise TransientError while no node tells it.
        """

    async def sign(self, spec: TokenSpec, *, again: SignedTransaction | None = None) -> SignedTransaction:
        """Set limits and sign; send nothing.

        The first token of a kind and group is simulated, and refused here if the chain would refuse it. A later one
        fails on chain instead; signing `again`, after these dead bytes, simulates it and raises the reason.
        """


class Committed(NamedTuple, Generic[T]):
    """A decision's return value, and the event store's position when it was saved."""

    value: T
    position: int


class EventStore(Protocol):
    """The only way to append events.

    `decide` is called with a unit of work, one at a time, and may be called again after a conflict: it must have no
    other effects. Its events are saved all or none. Its refusals are raised to the caller. A lost connection raises
    `TransientError(unknown=True)`: the events may be stored, so a repeated decision must be idempotent.
    `OverloadedError`: the decision was not made.
    """

    async def commit(self, decide: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> Committed[T]:
        """Decide and append; `reads` names streams that the decision will need, so that they are read together."""

    async def read(self, look: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> T:
        """Read aggregates as they are stored; events recorded in `look` are dropped. `reads`: see `commit`."""

    async def read_with_position(self, look: Callable[[UnitOfWork], T], reads: Iterable[str] = ()) -> Committed[T]:
        """Read, and return a log position at least as new as everything read."""


class Addresses(Protocol):
    """The table of buyers, the only place that has an e-mail address."""

    async def email_of(self, buyer_id: str) -> str | None:
        """Return a buyer's e-mail address; None when there is none (any more)."""
