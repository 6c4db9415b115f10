"""Checks of the invariants on the events of an event store."""

from adapters.event_store.store import PostgresEventStore
from domain.invariants.cross_system import judge_at_rest
from domain.invariants.invariant import Findings
from domain.invariants.per_commit import History
from tests.fakes.evidence import external_state
from tests.fakes.payment_gateway import FakePaymentGateway
from tests.fakes.stored import log_of, recorded
from tests.fakes.token_chain import FakeTokenChain


def broken_invariants(store: PostgresEventStore, *, at_rest: bool = False) -> set[str]:
    """Return the names of the broken invariants; `at_rest` assumes that every deadline has passed and no money came."""
    findings = Findings()
    history = History(findings)
    history.take(recorded(log_of(store)))
    history.mark()
    if at_rest:
        judge_at_rest(history, external_state(FakePaymentGateway(), FakeTokenChain()), findings)
    return {violation.invariant for violation in findings.violations}
