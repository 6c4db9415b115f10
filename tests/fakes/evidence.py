"""State of the fakes, in the form in which the invariants read the real systems."""

from collections.abc import Iterable
from datetime import UTC, datetime

from domain.core.aggregate import DomainEvent
from domain.invariants.cross_system import judge_at_rest
from domain.invariants.invariant import Findings
from domain.invariants.outside import ExternalState, StripePayment
from domain.invariants.per_commit import History
from domain.payments.payment_intent import IntentState
from tests.fakes.connect import FakeConnect
from tests.fakes.payment_gateway import FakePaymentGateway
from tests.fakes.stored import recorded
from tests.fakes.token_chain import FakeTokenChain

ALL_DEADLINES_PASSED = datetime.max.replace(tzinfo=UTC)


def stripe_payment(
    intent: IntentState, moved_minor: int = 0, disputed_minor: int = 0, dispute_fees_minor: int = 0
) -> StripePayment:
    """Return an intent as a row of Stripe's listing; a refund does not return the fee."""
    fees = (intent.stripe_fee_minor or 0) + dispute_fees_minor
    return StripePayment(
        intent_id=intent.intent_id,
        purchase_id=intent.purchase_id,
        currency=intent.currency,
        captured_minor=intent.received_minor,
        refunded_minor=intent.refunded_minor,
        net_minor=intent.received_minor - fees - intent.refunded_minor - disputed_minor + moved_minor,
        is_open=intent.status not in {"succeeded", "canceled"},
        fees_minor=fees,
        disputed_minor=disputed_minor,
    )


def external_state(
    gateway: FakePaymentGateway, chain: FakeTokenChain, connect: FakeConnect | None = None
) -> ExternalState:
    """Return the state of the fakes, with every deadline passed and no workflow running."""
    moved = connect.net_by_charge() if connect is not None else {}
    intents = [
        stripe_payment(intent, moved.get(intent.charge_id or "", 0), *gateway.taken_of(intent.intent_id))
        for intent in gateway.intents.values()
    ]
    nobody: frozenset[str] = frozenset()
    return ExternalState(
        intents,
        dict(chain.supplies()),
        ALL_DEADLINES_PASSED,
        running=nobody,
        cases={},
        accounts=None if connect is None else connect.account_balances(),
        roots=chain.roots(),
    )


def findings_of(events: Iterable[DomainEvent], outside: ExternalState) -> Findings:
    """Check all invariants on the events and the external state."""
    findings = Findings()
    history = History(findings)
    history.take(recorded(events))
    history.mark()
    judge_at_rest(history, outside, findings)
    return findings


def require_invariants(findings: Findings) -> None:
    """Fail with every broken invariant, its subject and its figures."""
    broken = [f"{invariant} of {subject}: {detail}" for invariant, subject, detail in findings.violations]
    if broken:
        raise AssertionError("\n".join(["invariants are broken:", *broken]))
