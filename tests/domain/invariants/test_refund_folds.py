"""Folds of refunds: what a bank has paid of one counts, and ends it when nothing is left."""

from domain.invariants.folds import apply
from domain.invariants.state import InvariantState, RefundSummary
from domain.money.breakdown import AmountBreakdown
from domain.payments.disputed_refunds import pay_by_bank
from domain.payments.refund import Refund
from domain.payments.refunds import Refunds, RefundsOpened
from tests.fakes.samples import AT, PRICE, events_of


def test_a_refund_that_a_bank_pays_in_parts_ends_with_the_last() -> None:
    """The first part leaves it owed."""
    book = Refunds.begin(RefundsOpened, "pu", AT, tenant_id="default", price=PRICE.model_dump())
    terms = {"refund_id": "rf", "body_digest": "d", "reason": "goodwill", "fees": "platform", "ticket_ids": ("ti",)}
    book.request(Refund.model_validate({**terms, "given": AmountBreakdown(venue_minor=100)}), AT)
    for amount in (60, 40):
        pay_by_bank(book, "du", [""], amount, AT)
    state, seen = InvariantState(), list[tuple[str, int]]()
    for event in events_of(book):
        apply(state, event)
        summary: RefundSummary | None = state.purchase("pu").refunds.get("rf")
        if summary is not None:
            seen.append((summary.state, summary.by_bank_minor))
    assert seen == [("requested", 0), ("requested", 60), ("succeeded", 100)]


def test_an_excess_that_came_back_ends_only_a_refund_that_is_paid() -> None:
    """What the buyer is owed besides stays owed; a refund of nothing else is over."""
    state = InvariantState()
    for refund_id, owed in (("rf", 100), ("excess", 0)):
        book = Refunds.begin(RefundsOpened, f"pu_{refund_id}", AT, tenant_id="default", price=PRICE.model_dump())
        terms = {"refund_id": refund_id, "body_digest": "d", "reason": "goodwill", "fees": "platform"}
        given = AmountBreakdown(venue_minor=owed)
        book.request(Refund.model_validate({**terms, "ticket_ids": (), "given": given, "excess_minor": 30}), AT)
        book.fail(refund_id, "re", "lost", AT)
        assert book.return_excess(refund_id, AT) == 30
        for event in events_of(book):
            apply(state, event)
        summary = state.purchase(f"pu_{refund_id}").refunds[refund_id]
        assert (summary.state, summary.amount_minor, summary.excess_minor) == (book.get(refund_id).state, owed, 0)
        assert summary.state == ("failed" if owed else "succeeded")
