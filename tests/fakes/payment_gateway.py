"""Stripe in memory, for tests of activities and workflows: the same promises as the real adapter."""

from collections import Counter
from typing import Literal

from domain.intent import IntentRequest, IntentState, IntentStatus, RefundState
from domain.refusals import PaymentRefused, WrongState
from domain.weather import Weather

Verb = Literal["create_intent", "find_intent", "retrieve_intent", "capture_intent", "cancel_intent", "refund_intent"]
OPEN = {"requires_payment_method", "requires_confirmation", "requires_action"}


class FakePaymentGateway:
    """Keeps the promises of `PaymentGateway`, with switches for failures and sums to check."""

    def __init__(self) -> None:
        self.intents: dict[str, IntentState] = {}
        self.requests: dict[str, IntentRequest] = {}
        self.refunds: dict[str, RefundState] = {}
        self.calls: Counter[str] = Counter()
        self.captured_minor = 0
        self.refunded_minor = 0
        self._by_key: dict[str, str] = {}
        self._before: Counter[str] = Counter()
        self._after: Counter[str] = Counter()
        self._refused: set[str] = set()

    def fail_before(self, verb: Verb, times: int = 1) -> None:
        """Let the next calls of a verb fail before they have any effect."""
        self._before[verb] += times

    def fail_after(self, verb: Verb, times: int = 1) -> None:
        """Let the next calls of a verb have their effect and lose their answer."""
        self._after[verb] += times

    def refuse(self, verb: Verb) -> None:
        """Let every call of a verb be a final no."""
        self._refused.add(verb)

    def pay(self, intent_id: str, method: str = "pm_card_visa") -> IntentState:
        """Confirm as the buyer's browser does; a declining card leaves the intent open."""
        intent = self.intents[intent_id]
        if intent.status not in OPEN:
            raise WrongState(f"the intent is {intent.status}")
        if "Declined" in method:
            return self._change(intent_id, decline_code="card_declined", status="requires_payment_method")
        if self.requests[intent_id].capture_method == "manual":
            return self._change(intent_id, status="requires_capture", charge_id=f"ch_{intent_id}")
        return self._take(intent_id)

    def decline(self, intent_id: str) -> IntentState:
        """Try a card that is declined."""
        return self.pay(intent_id, "pm_card_chargeDeclined")

    def begin_processing(self, intent_id: str) -> None:
        """Confirm with a method that takes its time."""
        self._change(intent_id, status="processing")

    def finish_processing(self, intent_id: str) -> None:
        """Let the slow method succeed; such methods take the money at once."""
        self._take(intent_id)

    def _take(self, intent_id: str) -> IntentState:
        amount = self.intents[intent_id].amount_minor
        self.captured_minor += amount
        fee = amount * 29 // 1000 + 30
        return self._change(
            intent_id, status="succeeded", received_minor=amount, charge_id=f"ch_{intent_id}", stripe_fee_minor=fee
        )

    async def create_intent(self, request: IntentRequest, key: str) -> IntentState:
        self._begin("create_intent")
        if key not in self._by_key:
            intent_id = f"pi_{len(self.intents) + 1}"
            self._by_key[key] = intent_id
            self.requests[intent_id] = request
            self.intents[intent_id] = IntentState(
                intent_id=intent_id,
                purchase_id=request.purchase_id,
                status="requires_payment_method",
                amount_minor=request.amount_minor,
                received_minor=0,
                currency=request.currency,
                client_secret=f"{intent_id}_secret",
            )
        self._end("create_intent")
        return self.intents[self._by_key[key]]

    async def find_intent(self, purchase_id: str) -> IntentState | None:
        self._begin("find_intent")
        found = [intent for intent in self.intents.values() if intent.purchase_id == purchase_id]
        self._end("find_intent")
        return found[-1] if found else None

    async def retrieve_intent(self, intent_id: str) -> IntentState:
        self._begin("retrieve_intent")
        self._end("retrieve_intent")
        return self.intents[intent_id]

    async def capture_intent(self, intent_id: str, key: str) -> IntentState:
        self._begin("capture_intent")
        if self.intents[intent_id].status == "requires_capture":
            self._take(intent_id)
        self._end("capture_intent")
        return self.intents[intent_id]

    async def cancel_intent(self, intent_id: str, key: str) -> IntentState:
        self._begin("cancel_intent")
        if self.intents[intent_id].status in {*OPEN, "requires_capture"}:
            self._change(intent_id, status="canceled")
        self._end("cancel_intent")
        return self.intents[intent_id]

    async def refund_intent(self, intent_id: str, amount_minor: int, key: str) -> RefundState:
        self._begin("refund_intent")
        intent = self.intents[intent_id]
        if key not in self.refunds:
            if intent.refunded_minor == amount_minor:
                return next(refund for refund in self.refunds.values() if refund.intent_id == intent_id)
            if amount_minor > intent.received_minor - intent.refunded_minor:
                raise PaymentRefused("more than is left to refund", reason="amount_too_large")
            self.refunds[key] = RefundState(
                refund_id=f"re_{len(self.refunds) + 1}",
                intent_id=intent_id,
                amount_minor=amount_minor,
                status="succeeded",
            )
            self.refunded_minor += amount_minor
            self._change(intent_id, refunded_minor=intent.refunded_minor + amount_minor)
        self._end("refund_intent")
        return self.refunds[key]

    def _change(self, intent_id: str, status: IntentStatus | None = None, **values: str | int) -> IntentState:
        update = {**values, "status": status} if status else values
        self.intents[intent_id] = self.intents[intent_id].model_copy(update=update)
        return self.intents[intent_id]

    def _begin(self, verb: Verb) -> None:
        self.calls[verb] += 1
        if verb in self._refused:
            raise PaymentRefused("a final no", reason="test")
        if self._before[verb]:
            self._before[verb] -= 1
            raise Weather(f"{verb}: no connection")

    def _end(self, verb: Verb) -> None:
        if self._after[verb]:
            self._after[verb] -= 1
            raise Weather(f"{verb}: the answer was lost", unknown=True)
