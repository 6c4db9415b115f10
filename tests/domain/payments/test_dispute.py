"""Disputes: the postings while a dispute is open and after its outcome, and the blocking of tickets."""

import pytest

from domain.money.books import STRIPE_CLEARING, balances, sale_postings
from domain.money.money import FeeRates, Tax, price_of
from domain.payments.dispute import (
    DISPUTE_RESERVE,
    Dispute,
    DisputeOpened,
    disputed_breakdown,
    lost_postings,
    opened_postings,
    set_aside,
    won_postings,
)
from domain.tickets.ticket import TicketUnblocked
from tests.fakes.samples import AT, events_of, folded, names_of, new_ticket, through_json

TAXED = price_of("eur", ((2, 1000),), FeeRates(), tax=Tax(1900, inclusive=True))


def opened(amount_minor: int = TAXED.total_minor) -> Dispute:
    events = {"tenant_id": "default", "purchase_id": "pu", "venue_id": "ve", "currency": "eur"}
    parts = disputed_breakdown(TAXED, amount_minor).model_dump()
    return Dispute.begin(DisputeOpened, "du", AT, amount_minor=amount_minor, parts=parts, **events)


def test_the_parts_are_those_of_the_price_and_sum_to_what_is_disputed() -> None:
    """A full dispute has the parts of the price, a partial one has them in proportion, to the cent."""
    whole = disputed_breakdown(TAXED, TAXED.total_minor)
    assert (whole.venue_minor, whole.tax_minor) == (TAXED.venue_share_minor, TAXED.tax_minor)
    assert sum(disputed_breakdown(TAXED, 777).model_dump().values()) == 777


@pytest.mark.parametrize(("end", "share"), [("open", 0), ("won", TAXED.venue_share_minor), ("lost", 0)])
def test_the_books_balance_and_clearing_is_what_stripe_has(end: str, share: int) -> None:
    """Only an open dispute is in the reserve; the venue has its share again only if it was won."""
    dispute = opened()
    postings = [*sale_postings("ve", TAXED, 94, 2), *opened_postings(dispute, 2000)]
    postings += {"open": (), "won": won_postings(dispute, 500), "lost": lost_postings(dispute)}[end]
    totals = balances(postings)
    back = TAXED.total_minor + 500 if end == "won" else 0
    assert totals[STRIPE_CLEARING, "eur"] == 94 + 2000 - back
    assert totals["venue:ve:payable", "eur"] == share
    assert totals[DISPUTE_RESERVE, "eur"] == (-TAXED.total_minor if end == "open" else 0)
    assert totals[set_aside("ve"), "eur"] == (TAXED.venue_share_minor if end == "open" else 0)
    assert totals["tax:ve:payable", "eur"] == (0 if end == "lost" else TAXED.tax_minor)
    assert sum(amount for (_, unit), amount in totals.items() if unit == "eur") == 0


def test_a_dispute_ends_once() -> None:
    """The first outcome stands."""
    dispute = opened()
    dispute.decide(won=False, at=AT)
    dispute.decide(won=True, at=AT)
    assert names_of(dispute) == ["DisputeLost"]
    assert folded(through_json(events_of(dispute))).state == "lost"
    other = opened(100)
    other.decide(won=True, at=AT)
    assert folded(through_json(events_of(other))).state == "won"


def test_a_blocked_ticket_is_blocked_until_it_is_not() -> None:
    """Each block and unblock is recorded once, and the last unblock frees the ticket."""
    ticket = new_ticket()
    ticket.unblock("du", AT)
    ticket.block("du", AT)
    ticket.block("du", AT)
    ticket.block("other", AT)
    ticket.unblock("du", AT)
    assert ticket.blocked
    ticket.unblock("other", AT)
    blocked, unblocked = ["TicketBlocked"] * 2, ["TicketUnblocked"] * 2
    assert names_of(ticket) == [*blocked, *unblocked]
    assert not folded(through_json(events_of(ticket))).blocked


def test_a_ticket_that_was_unblocked_in_the_first_days_is_free() -> None:
    """The oldest unblocking events name no dispute."""
    ticket = new_ticket()
    ticket.block("du", AT)
    ticket.record(TicketUnblocked, AT)
    assert not folded(through_json(events_of(ticket))).blocked
