"""Stripe in memory, for tests of activities and workflows: the contract of the real adapter."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, TypeVar

from adapters.stripe.errors import ServerError, StoredServerError, StripeRequestError
from adapters.stripe.idempotency import StuckKeys, write_under_keys
from domain.core.errors import PaymentRefused, WrongState
from domain.money.payment_method import AUTHORISED_FIRST, PaymentMethod
from domain.payments.dispute import DisputeStatus
from domain.payments.payment_intent import IntentRequest, IntentState, IntentStatus, StripeRefund
from tests.fakes.switches import Switches

Verb = Literal[
    "create_intent",
    "find_intent",
    "retrieve_intent",
    "capture_intent",
    "cancel_intent",
    "refund_intent",
    "retrieve_refund",
    "refunds_of",
    "retrieve_dispute",
]
T = TypeVar("T")
KEPT = timedelta(hours=24)  # as long as Stripe keeps an answer under its key
RefundStatus = Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
OPEN = {"requires_payment_method", "requires_confirmation", "requires_action"}
DASHBOARD = "dashboard:"
DISPUTE_FEE = 2000
DECLINES = {
    "pm_card_chargeDeclined": "generic_decline",
    "pm_card_chargeDeclinedInsufficientFunds": "insufficient_funds",
}
ASKING = {"pm_card_threeDSecure2Required", "pm_card_authenticationRequired"}
SLOW = {"pm_usBankAccount", "pm_success_de", "pm_emulator_slowCard"}
TYPES: dict[str, PaymentMethod] = {"pm_usBankAccount": "us_bank_account", "pm_success_de": "sepa_debit"}


class Entry(NamedTuple):
    """A balance transaction: of a payment, or (no intent) of our own balance."""

    kind: str
    intent_id: str
    currency: str
    amount_minor: int
    fee_minor: int = 0


class FakePaymentGateway(Switches[Verb]):
    """A `PaymentGateway` with failure switches and sums to check.

    `calls` counts calls, `effects` the calls that changed something (a repeated capture is two calls and one effect).
    """

    def __init__(self) -> None:
        super().__init__()
        self.intents: dict[str, IntentState] = {}
        self.requests: dict[str, IntentRequest] = {}
        self.refunds: dict[str, StripeRefund] = {}
        self.effects: Counter[str] = Counter()
        self.captured_minor = 0
        self.refunded_minor = 0
        self.search_lags = False
        self.refunds_begin: RefundStatus = "succeeded"
        self.disputes: dict[str, DisputeStatus] = {}
        self.entries: list[Entry] = []
        self._by_key: dict[str, str] = {}
        self.stuck_until: dict[str, datetime] = {}
        self.broken: set[str] = set()  # intents that answer a refund with an error that nobody knows
        self.healed: list[datetime] = []
        self.clock: Callable[[], Awaitable[datetime]] | None = None
        self.stored: dict[str, datetime] = {}
        self.restarts = False  # a process that restarts forgets what it knows about keys; Stripe does not
        self._stuck = StuckKeys()

    def stick(self, verb: Verb, until: datetime, clock: Callable[[], Awaitable[datetime]]) -> None:
        """Answer a verb with a 500 until a moment of a clock, each stored under its key for a day."""
        self.stuck_until[verb], self.clock = until, clock

    def pay(self, intent_id: str, method: str = "pm_card_visa") -> IntentState:
        """Confirm as the buyer's browser does; a declining card, or a method that is not allowed, leaves it open."""
        intent = self.intents[intent_id]
        allowed = self.requests[intent_id].payment_methods
        if allowed and TYPES.get(method, "card") not in allowed:
            return intent
        if intent.status not in OPEN:
            raise WrongState(f"the intent is {intent.status}")
        if method in DECLINES:
            return self.decline(intent_id, DECLINES[method])
        if method in ASKING:
            return self._change(intent_id, "requires_action", decline_code=None)
        if method in SLOW:
            return self.begin_processing(intent_id)
        return self._approve(intent_id)

    def decline(self, intent_id: str, decline_code: str = "generic_decline") -> IntentState:
        """Try a card that is declined."""
        return self._change(
            intent_id, "requires_payment_method", decline_code=decline_code, charge_id=f"ch_no_{intent_id}"
        )

    def authenticate(self, intent_id: str, *, succeed: bool = True) -> IntentState:
        """Pass or fail 3-D Secure."""
        if succeed:
            return self._approve(intent_id)
        code = "payment_intent_authentication_failure"
        return self._change(intent_id, "requires_payment_method", decline_code=code)

    def begin_processing(self, intent_id: str) -> IntentState:
        """Confirm with a slow payment method."""
        return self._change(intent_id, "processing", decline_code=None, charge_id=f"ch_{intent_id}")

    def finish_processing(self, intent_id: str, *, succeed: bool = True) -> IntentState:
        """End a processing payment."""
        return self._approve(intent_id) if succeed else self.decline(intent_id)

    def _approve(self, intent_id: str) -> IntentState:
        if self.requests[intent_id].capture_method == "automatic":
            return self._take(intent_id)
        return self._change(intent_id, "requires_capture", charge_id=f"ch_{intent_id}", decline_code=None)

    def _take(self, intent_id: str) -> IntentState:
        amount = self.intents[intent_id].amount_minor
        self.captured_minor += amount
        fee = (amount * 29 + 500) // 1000 + 30
        self.entries.append(Entry("charge", intent_id, self.intents[intent_id].currency, amount, fee))
        taken: dict[str, str | int | None] = {"received_minor": amount, "stripe_fee_minor": fee, "decline_code": None}
        return self._change(intent_id, "succeeded", charge_id=f"ch_{intent_id}", **taken)

    def dispute(self, intent_id: str, amount_minor: int | None = None, *, inquiry: bool = False) -> DisputeStatus:
        """Open a dispute over the payment or a part of it: Stripe withdraws the money and a fee, not for an inquiry."""
        intent = self.intents[intent_id]
        dispute = DisputeStatus(
            dispute_id=f"du_{len(self.disputes) + 1}",
            status="warning",
            amount_minor=amount_minor or intent.received_minor,
            currency=intent.currency,
            is_withdrawn=False,
            charge_id=intent.charge_id or "",
            intent_id=intent_id,
        )
        self.disputes[dispute.dispute_id] = dispute
        return dispute if inquiry else self.withdraw(dispute.dispute_id)

    def withdraw(self, dispute_id: str) -> DisputeStatus:
        """Withdraw a dispute's money and a fee; pending refunds of the charge fail."""
        taken = {"status": "open", "is_withdrawn": True, "fee_minor": DISPUTE_FEE}
        dispute = self.disputes[dispute_id] = self.disputes[dispute_id].model_copy(update=taken)
        for refund in [made for made in self.refunds.values() if made.intent_id == dispute.intent_id]:
            if refund.status == "pending":
                self.finish_refund(refund.refund_id, succeed=False)
        out = Entry("adjustment", dispute.intent_id, dispute.currency, -dispute.amount_minor, dispute.fee_minor)
        self.entries.append(out)
        return dispute

    def end_dispute(self, intent_id: str, dispute_id: str, *, won: bool) -> None:
        """Close a dispute as won or lost; Stripe keeps its fee."""
        status = {"status": "won" if won else "lost"}
        self.disputes[dispute_id] = self.disputes[dispute_id].model_copy(update=status)
        if won:
            self.return_of_dispute(dispute_id, self.disputes[dispute_id].amount_minor)

    def return_of_dispute(self, dispute_id: str, amount_minor: int, fee_back_minor: int = 0) -> None:
        """Return money of a dispute, also of a lost one, and its fee only if that is given."""
        dispute = self.disputes[dispute_id]
        back = Entry("adjustment", dispute.intent_id, dispute.currency, amount_minor, -fee_back_minor)
        self.entries.append(back)
        returned = {"returned_minor": dispute.returned_minor + amount_minor, "fee_back_minor": fee_back_minor}
        self.disputes[dispute_id] = dispute.model_copy(update=returned)

    def taken_of(self, intent_id: str) -> tuple[int, int]:
        """Return what disputes have taken of a payment, and their fees."""
        seen = [one for one in self.disputes.values() if one.intent_id == intent_id and one.is_withdrawn]
        taken = sum(one.amount_minor - one.returned_minor for one in seen)
        return taken, sum(one.fee_minor - one.fee_back_minor for one in seen)

    def is_charged_back(self, intent_id: str) -> bool:
        """Whether a dispute has taken any of a payment: Stripe then refuses every refund of it, until it is won."""
        of = [one for one in self.disputes.values() if one.intent_id == intent_id]
        return any(one.is_withdrawn and one.status != "won" for one in of)

    async def retrieve_dispute(self, dispute_id: str) -> DisputeStatus:
        self._begin("retrieve_dispute")
        return self.disputes[dispute_id]

    async def create_intent(self, request: IntentRequest, key: str) -> IntentState:
        self._begin("create_intent")
        named = set(request.payment_methods)
        if named and request.capture_method == "manual" and not AUTHORISED_FIRST & named:
            raise PaymentRefused("no method is left", reason="payment_intent_invalid_parameter")
        if key not in self._by_key:
            intent_id = f"pi_{len(self.intents) + 1}"
            self._by_key[key] = intent_id
            self.requests[intent_id] = request
            self.effects["create_intent"] += 1
            self.intents[intent_id] = IntentState(
                intent_id=intent_id,
                purchase_id=request.purchase_id,
                status="requires_payment_method",
                amount_minor=request.amount_minor,
                received_minor=0,
                currency=request.currency,
                client_secret=f"{intent_id}_secret_fake",
            )
        intent = self.intents[self._by_key[key]]
        if (intent.amount_minor, intent.currency) != (request.amount_minor, request.currency):
            raise StripeRequestError("the same key with another body")
        self._end("create_intent")
        return intent

    async def find_intent(self, purchase_id: str) -> IntentState | None:
        self._begin("find_intent")
        if self.search_lags:
            return None
        found = [intent for intent in self.intents.values() if intent.purchase_id == purchase_id]
        self._end("find_intent")
        alive = [intent for intent in found if intent.status != "canceled"]
        return next(reversed(alive or found), None)

    async def retrieve_intent(self, intent_id: str) -> IntentState:
        self._begin("retrieve_intent")
        self._end("retrieve_intent")
        return self._known(intent_id)

    async def capture_intent(self, intent_id: str, key: str) -> IntentState:
        def capture() -> IntentState:
            if self._known(intent_id).status == "requires_capture":
                self._take(intent_id)
                self.effects["capture_intent"] += 1
            return self.intents[intent_id]

        self._begin("capture_intent")
        captured = await self._under_keys("capture_intent", key, capture)
        self._end("capture_intent")
        return captured

    async def cancel_intent(self, intent_id: str, key: str) -> IntentState:
        self._begin("cancel_intent")
        if self._known(intent_id).status in {*OPEN, "requires_capture"}:
            self._change(intent_id, "canceled")
            self.effects["cancel_intent"] += 1
        self._end("cancel_intent")
        return self.intents[intent_id]

    async def refund_intent(self, intent_id: str, amount_minor: int, key: str) -> StripeRefund:
        self._begin("refund_intent")
        if intent_id in self.broken:
            raise StripeRequestError("an error that nobody knows")
        refund = await self._under_keys(
            "refund_intent", key, lambda: self.refunds.get(key) or self._refund(intent_id, amount_minor, key)
        )
        self._end("refund_intent")
        return refund

    async def retrieve_refund(self, refund_id: str) -> StripeRefund:
        self._begin("retrieve_refund")
        self._end("retrieve_refund")
        return self._made(refund_id)[1]

    async def refunds_of(self, intent_id: str) -> list[StripeRefund]:
        self._begin("refunds_of")
        self._end("refunds_of")
        return [made for made in self.refunds.values() if made.intent_id == intent_id][::-1]

    def cancel_in_dashboard(self, intent_id: str) -> IntentState:
        """Cancel an intent as a person does."""
        return self._change(intent_id, "canceled")

    def refund_in_dashboard(self, intent_id: str, amount_minor: int) -> StripeRefund:
        return self._refund(intent_id, amount_minor, f"{DASHBOARD}{len(self.refunds)}")

    def finish_refund(self, refund_id: str, *, succeed: bool = True) -> None:
        """Let a refund succeed or fail; one that has succeeded can still fail, which returns the money to us."""
        key, made = self._made(refund_id)
        if succeed:
            self.refunds[key] = made.model_copy(update={"status": "succeeded"})
            return
        self.refunds[key] = made.model_copy(update={"status": "failed", "failure": "expired_or_canceled_card"})
        intent = self._known(made.intent_id)
        self.entries.append(Entry("refund_failure", made.intent_id, intent.currency, made.amount_minor))
        self.refunded_minor -= made.amount_minor
        self._change(intent.intent_id, refunded_minor=intent.refunded_minor - made.amount_minor)

    def _made(self, refund_id: str) -> tuple[str, StripeRefund]:
        return next((key, made) for key, made in self.refunds.items() if made.refund_id == refund_id)

    def _refund(self, intent_id: str, amount_minor: int, key: str) -> StripeRefund:
        intent = self._known(intent_id)
        if intent.status != "succeeded":
            raise PaymentRefused("nothing was captured", reason="payment_intent_unexpected_state")
        if self.is_charged_back(intent_id):
            raise PaymentRefused("the charge has been charged back", reason="charge_disputed")
        left = intent.received_minor - intent.refunded_minor
        if left == 0:
            alike = [made for made in self.refunds.values() if made.intent_id == intent_id and made.status != "failed"]
            same = [made for made in alike if made.amount_minor == amount_minor]
            if same:
                return same[-1]  # as the adapter does: the newest
            raise PaymentRefused("the charge is already refunded", reason="charge_already_refunded")
        if amount_minor > left:
            raise PaymentRefused(
                f"the refund of {amount_minor} exceeds the refundable amount of {left}", reason="amount_too_large"
            )
        made = StripeRefund(
            refund_id=f"re_{len(self.refunds) + 1}",
            intent_id=intent_id,
            amount_minor=amount_minor,
            status=self.refunds_begin,
            key="" if key.startswith(DASHBOARD) else key,
        )
        self.refunds[key] = made
        self.entries.append(Entry("refund", intent_id, intent.currency, -amount_minor))
        self.refunded_minor += amount_minor
        self.effects["refund_intent"] += 1
        self._change(intent_id, refunded_minor=intent.refunded_minor + amount_minor)
        return made

    def _known(self, intent_id: str) -> IntentState:
        if intent_id not in self.intents:
            raise StripeRequestError("no such intent", reason="resource_missing")
        return self.intents[intent_id]

    def _change(self, intent_id: str, status: IntentStatus | None = None, **values: str | int | None) -> IntentState:
        update = {**values, "status": status} if status else values
        self.intents[intent_id] = self.intents[intent_id].model_copy(update=update)
        return self.intents[intent_id]

    async def _under_keys(self, verb: Verb, key: str, act: Callable[[], T]) -> T:
        """Act under the key that the real adapter would use; each of its keys keeps a 500 as Stripe does."""

        async def call(attempt_key: str) -> T:
            if self.clock is None or verb not in self.stuck_until:
                return act()
            at = await self.clock()
            if attempt_key in self.stored and at - self.stored[attempt_key] < KEPT:
                raise StoredServerError(f"{verb}: a stored 500", unknown=True)
            if at >= self.stuck_until[verb]:
                self.healed.append(at)
                return act()
            self.stored[attempt_key] = at
            raise ServerError(f"{verb}: 500", unknown=True)

        async def find() -> T | None:
            return None

        return await write_under_keys(StuckKeys() if self.restarts else self._stuck, call, key, find)
