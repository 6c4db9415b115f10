"""Stubs of Stripe and the chain that answer at once; each payment is authorised on creation."""

import base64
from typing import Any

from domain.core.transient import TransientError
from domain.payments.payment_intent import IntentRequest, IntentState, StripeRefund
from domain.tickets.token import SignedTransaction, TokenKind, TokenSpec, TokenState, TransactionFate

FEE_MINOR = 100


class InstantGateway:
    """A `PaymentGateway` without a network; retrieving an open intent authorises it."""

    def __init__(self) -> None:
        self._intents: dict[str, IntentState] = {}

    async def create_intent(self, request: IntentRequest, key: str) -> IntentState:
        """Create the intent of this key."""
        intent_id = f"pi_{key.replace(':', '_')}"
        return self._intents.setdefault(
            intent_id,
            IntentState(
                intent_id=intent_id,
                purchase_id=request.purchase_id,
                status="requires_payment_method",
                amount_minor=request.amount_minor,
                received_minor=0,
                currency=request.currency,
                client_secret=f"{intent_id}_secret",
            ),
        )

    async def find_intent(self, purchase_id: str) -> IntentState | None:
        """Return the intent of a purchase."""
        return next((state for state in self._intents.values() if state.purchase_id == purchase_id), None)

    async def retrieve_intent(self, intent_id: str) -> IntentState:
        """Return the intent, authorised."""
        if self._intents[intent_id].status == "requires_payment_method":
            return self._change(intent_id, status="requires_capture")
        return self._intents[intent_id]

    async def capture_intent(self, intent_id: str, key: str) -> IntentState:  # noqa: ARG002 - the gateway's signature
        """Capture the intent."""
        paid = self._intents[intent_id].amount_minor
        captured = {"charge_id": f"ch_{intent_id}", "stripe_fee_minor": FEE_MINOR, "received_minor": paid}
        return self._change(intent_id, status="succeeded", **captured)

    async def cancel_intent(self, intent_id: str, key: str) -> IntentState:  # noqa: ARG002 - the gateway's signature
        """Cancel the intent."""
        return self._change(intent_id, status="canceled")

    async def refund_intent(self, intent_id: str, amount_minor: int, key: str) -> StripeRefund:
        """Raise: the bench makes no refunds."""
        raise TransientError(f"no refund of {amount_minor} for {intent_id} under {key}")

    async def refunds_of(self, intent_id: str) -> list[StripeRefund]:
        """Raise: the bench makes no refunds."""
        raise TransientError(f"no refunds are known for {intent_id}")

    def _change(self, intent_id: str, **values: Any) -> IntentState:
        self._intents[intent_id] = self._intents[intent_id].model_copy(update=values)
        return self._intents[intent_id]


class InstantChain:
    """A `TokenChain` without a network; a sent transaction is final."""

    def __init__(self) -> None:
        self._sends_per_second: set[str] = set()

    def address_of(self, kind: TokenKind, subject_id: str) -> str:
        """Return the subject's unique address."""
        return f"{kind}-{subject_id}"

    async def cluster(self) -> str:
        """Return the name of no chain."""
        return "bench"

    async def check_wallet(self, address: str, *, vault: bool) -> None:
        """Take every wallet."""

    def signed_spec(self, signed: SignedTransaction) -> TokenSpec:
        """Return the spec in the bytes."""
        return TokenSpec.model_validate_json(base64.b64decode(signed.wire_base64))

    async def read_token(self, address: str, spec: TokenSpec) -> TokenState | None:
        """Return the token once its transaction is sent."""
        if address not in self._sends_per_second:
            return None
        owner, group = spec.owner_address, spec.group_address
        return TokenState(address=address, supply=1, decimals=0, owner_address=owner, group_address=group, uri=spec.uri)

    async def minted_by(self, address: str) -> SignedTransaction:
        """Refuse: every mint here was signed here."""
        raise TransientError(f"no node knows the transaction that made the mint {address}")

    async def sign(self, spec: TokenSpec, *, again: SignedTransaction | None = None) -> SignedTransaction:  # noqa: ARG002 - the port's
        """Sign."""
        address = self.address_of(spec.kind, spec.subject_id)
        wire = base64.b64encode(spec.model_dump_json().encode()).decode()
        return SignedTransaction(mint_address=address, signature=address, wire_base64=wire, last_valid_block_height=1)

    async def send(self, signed: SignedTransaction) -> None:
        """Send."""
        self._sends_per_second.add(signed.mint_address)

    async def fate(self, signature: str) -> TransactionFate:
        """Return finalized for a sent transaction."""
        return "finalized" if signature in self._sends_per_second else "unknown"

    async def dead_since(self, signed: SignedTransaction) -> int | None:  # noqa: ARG002 - the port's
        """Return None: no bytes ever expire."""
        return None

    async def supply_of(self, address: str, since: int = 0) -> int | None:  # noqa: ARG002 - the port's
        """Return one for a sent transaction."""
        return 1 if address in self._sends_per_second else None
