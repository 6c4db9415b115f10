"""Disputes: the postings while a dispute is open and after its outcome, and the blocking of tickets."""

from typing import Any

import pytest

from domain.money.books import STRIPE_CLEARING, balances, sale_postings
from domain.money.breakdown import breakdown_of
from domain.money.money import FeeRates, Tax, price_of
from domain.payments.dispute import (
    DISPUTE_RESERVE,
    Dispute,
    DisputeOpened,
    DisputeStatus,
    lost_postings,
    opened_postings,
    returned_postings,
    set_aside,
    won_postings,
)
from domain.payments.holdings import Holdings, Taken, taken_of
from domain.tickets.ticket import TicketUnblocked
from tests.fakes.samples import AT, events_of, folded, names_of, new_ticket, through_json

TAXED = price_of("eur", ((2, 1000),), FeeRates(), tax=Tax(1900, inclusive=True))
HELD = Holdings(parties=breakdown_of(TAXED))


def opened(amount_minor: int = TAXED.total_minor) -> Dispute:
    events = {"tenant_id": "default", "purchase_id": "pu", "venue_id": "ve", "currency": "eur"}
    parts = HELD.taken(amount_minor, "eur").plain()
    return Dispute.begin(DisputeOpened, "du", AT, amount_minor=amount_minor, parts=parts, **events)


def test_the_parts_are_those_of_the_price_and_sum_to_what_is_disputed() -> None:
    """A full dispute has the parts of the price, a partial one has them in proportion, to the cent."""
    whole = HELD.taken(TAXED.total_minor, "eur")
    assert whole == Taken(parties=breakdown_of(TAXED))
    assert HELD.taken(777, "eur").total_minor == HELD.taken(777, "eur").parties.total_minor == 777


@pytest.mark.parametrize(("end", "share"), [("open", 0), ("won", TAXED.venue_share_minor), ("lost", 0)])
def test_the_books_balance_and_clearing_is_what_stripe_has(end: str, share: int) -> None:
    """Only an open dispute is in the reserve; the venue has its share again only if it was won."""
    dispute = opened()
    postings = [*sale_postings("ve", TAXED, 94, 2), *opened_postings(dispute, 2000)]
    if end == "won":
        dispute.win(TAXED.total_minor, AT)
        postings += won_postings(dispute, 500)
    if end == "lost":
        dispute.lose(0, AT)
        postings += lost_postings(dispute)
    totals = balances(postings)
    back = TAXED.total_minor + 500 if end == "won" else 0
    assert totals[STRIPE_CLEARING, "eur"] == 94 + 2000 - back
    assert totals["venue:ve:payable", "eur"] == share
    assert totals[DISPUTE_RESERVE, "eur"] == (-TAXED.total_minor if end == "open" else 0)
    assert totals[set_aside("ve"), "eur"] == (TAXED.venue_share_minor if end == "open" else 0)
    assert totals["tax:ve:payable", "eur"] == (0 if end == "lost" else TAXED.tax_minor)
    assert sum(amount for (_, unit), amount in totals.items() if unit == "eur") == 0


def test_a_dispute_is_folded_to_its_end() -> None:
    """A lost one takes less after each return; a won one takes nothing in the end."""
    dispute = opened()
    dispute.lose(0, AT)
    assert names_of(dispute) == ["DisputeLost"]
    dispute.take_back(208, AT, venue_is_owed=False)
    known = folded(through_json(events_of(dispute)))
    assert (known.state, known.taken.total_minor, known.returned_minor) == ("lost", 2000, 208)
    other = opened(100)
    other.win(100, AT)
    assert folded(through_json(events_of(other))).state == "won"
    assert folded(through_json(events_of(other))).returned_minor == 100


def test_what_comes_back_goes_to_those_who_lost_it() -> None:
    """The platform's loss first, then the parties in proportion, and last our debt to the buyer."""
    events = {"tenant_id": "default", "purchase_id": "pu", "venue_id": "ve", "currency": "eur"}
    taken = Taken(parties=breakdown_of(TAXED), owed_minor=30, loss_minor=20)
    dispute = Dispute.begin(DisputeOpened, "du", AT, amount_minor=taken.total_minor, parts=taken.plain(), **events)
    dispute.lose(30, AT)
    accounts = balances([*opened_postings(dispute, 0), *lost_postings(dispute)])
    assert (accounts["buyer:pu:refundable", "eur"], accounts["dispute:losses", "eur"]) == (-30, -20)
    for amount, back in (
        (15, Taken(loss_minor=15)),
        (5 + TAXED.total_minor, Taken(parties=breakdown_of(TAXED), loss_minor=5)),
        (40, Taken(owed_minor=30, loss_minor=10)),
    ):
        assert dispute.take_back(amount, AT, venue_is_owed=False) == back
        returned = balances(returned_postings(dispute, amount, back))
        assert returned[STRIPE_CLEARING, "eur"] == -amount
        assert returned.get(("buyer:pu:refundable", "eur"), 0) == back.owed_minor


def test_a_refund_that_was_paid_while_the_bank_decided_is_paid_twice() -> None:
    """Then the bank's money pays no debt of ours: it is lost."""
    taken = Taken(owed_minor=100)
    assert taken.owing(40) == Taken(owed_minor=40, loss_minor=60)
    assert taken.owing(200) == taken


@pytest.mark.parametrize(
    ("status", "returned", "outcome"),
    [("won", 0, "won"), ("lost", 5, "lost"), ("open", 0, "open"), ("warning", 0, "open"), ("closed", 5, "won"),
     ("closed", 4, "lost")],
)  # fmt: skip
def test_an_end_without_a_winner_is_decided_by_the_money(status: Any, returned: int, outcome: str) -> None:
    """A prevented dispute is won if everything is back, else lost: what Stripe moved decides."""
    seen = DisputeStatus(
        dispute_id="du", status=status, amount_minor=5, currency="eur", is_withdrawn=True, returned_minor=returned
    )
    assert seen.outcome == outcome


def test_money_of_a_won_dispute_that_comes_later_leaves_the_reserve() -> None:
    """A win is recorded before its money is back; the reserve keeps what is missing."""
    dispute = opened(100)
    dispute.win(60, AT)
    postings = [*opened_postings(dispute, 0), *won_postings(dispute, 0)]
    assert balances(postings)[DISPUTE_RESERVE, "eur"] == -40
    back = dispute.take_back(45, AT, venue_is_owed=False)
    totals = balances([*postings, *returned_postings(dispute, 45, back)])
    assert (totals[DISPUTE_RESERVE, "eur"], totals["dispute:losses", "eur"]) == (0, 5)


def test_the_events_of_the_first_release_name_the_parties_only() -> None:
    """They have no part that was owed, and no loss."""
    assert taken_of(breakdown_of(TAXED).model_dump()) == Taken(parties=breakdown_of(TAXED))


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
