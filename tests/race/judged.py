"""What the laws say of the facts that a ledger has stored."""

from typing import cast

from adapters.event_store.store import PostgresLedger
from domain.core.aggregate import Fact
from domain.invariants.cross_system import judge_at_rest
from domain.invariants.invariant import Findings
from domain.invariants.per_commit import History
from tests.fakes.evidence import said_by
from tests.fakes.payment_gateway import FakePaymentGateway
from tests.fakes.token_chain import FakeTokenChain

MANY = 10_000


def log_of(ledger: PostgresLedger, after: int = 0) -> list[Fact]:
    """Read the facts after a position, as the projector does."""
    stored = ledger.recorder.select_notifications(start=after + 1, limit=MANY)
    return [cast(Fact, ledger.mapper.to_domain_event(event)) for event in stored]


def broken_laws(ledger: PostgresLedger, *, at_rest: bool = False) -> set[str]:
    """Return the names of the laws that the stored facts break; at rest every deadline has passed and no money came."""
    findings = Findings()
    history = History(findings)
    history.take(log_of(ledger))
    history.mark()
    if at_rest:
        judge_at_rest(history, said_by(FakePaymentGateway(), FakeTokenChain()), findings)
    return {violation.law for violation in findings.violations}
