"""Folds of refunds: what a bank has paid of one counts, and ends it when nothing is left."""

from domain.invariants.folds import apply
from domain.invariants.state import InvariantState, RefundSummary
from domain.money.breakdown import AmountBreakdown
from domain.payments.refund import Refund
from domain.payments.refunds import Refunds, RefundsOpened
from tests.fakes.samples import AT, PRICE, events_of


def test_a_refund_that_a_bank_pays_in_parts_ends_with_the_last() -> None:
    """The first part leaves it owed."""
    book = Refunds.begin(RefundsOpened, "pu", AT, tenant_id="default", price=PRICE.model_dump())
    terms = {"refund_id": "rf", "body_digest": "d", "reason": "goodwill", "fees": "platform", "ticket_ids": ("ti",)}
    book.request(Refund.model_validate({**terms, "given": AmountBreakdown(venue_minor=100)}), AT)
    for amount in (60, 40):
        book.pay_by_bank("du", [""], amount, AT)
    state, seen = InvariantState(), list[tuple[str, int]]()
    for event in events_of(book):
        apply(state, event)
        summary: RefundSummary | None = state.purchase("pu").refunds.get("rf")
        if summary is not None:
            seen.append((summary.state, summary.by_bank_minor))
    assert seen == [("requested", 0), ("requested", 60), ("succeeded", 100)]
