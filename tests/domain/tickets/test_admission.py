"""The door's decision: its edges, and the reason that wins where several hold."""

from datetime import timedelta

import pytest

from domain.tickets.admission import Admission, AdmissionReason, DoorEntry, ShowAtDoor, TicketAtDoor, admission
from domain.tickets.ticket import Ticket, TicketRedeemed
from tests.fakes.samples import AT, events_of, folded, new_ticket, through_json

DOORS, END = AT + timedelta(hours=18), AT + timedelta(hours=22)
SHOW = ShowAtDoor("sh", DOORS, END)
PAID = TicketAtDoor("sh", "issued")
SECOND = timedelta(microseconds=1)


def test_the_doors_time_counts_and_the_end_is_over() -> None:
    """From the doors on until before the end; a show without a time is open on that side."""
    found = [admission(PAID, SHOW, at).reason for at in (DOORS - SECOND, DOORS, END - SECOND, END)]
    assert found == ["not-yet", "admitted", "admitted", "over"]
    bare = ShowAtDoor("sh")
    assert {admission(PAID, bare, at).reason for at in (AT, END)} == {"admitted"}


@pytest.mark.parametrize(
    ("ticket", "show", "reason"),
    [
        (PAID._replace(show_id="other", state="void"), SHOW._replace(called_off=True), "wrong-show"),
        (PAID._replace(state="void", blocked=True), SHOW._replace(called_off=True), "show-cancelled"),
        (PAID._replace(state="void", blocked=True), SHOW, "void"),
        (PAID._replace(state="reserved", blocked=True), SHOW, "unpaid"),
        (PAID._replace(blocked=True, generation=1), SHOW, "stale-generation"),
        (PAID._replace(state="redeemed", blocked=True), SHOW, "blocked"),
        (PAID._replace(state="redeemed"), SHOW, "already-checked-in"),
    ],
)
def test_the_first_reason_that_holds_is_the_answer(
    ticket: TicketAtDoor, show: ShowAtDoor, reason: AdmissionReason
) -> None:
    """Before the doors, with the first code: everything later in the order holds too."""
    assert admission(ticket, show, AT, generation=0).reason == reason


def test_a_ticket_that_waits_for_the_doors_is_valid() -> None:
    """It will let somebody in; every other refusal is not valid."""
    assert [Admission(one).valid for one in ("admitted", "not-yet", "over", "blocked")] == [True, True, False, False]
    assert [Admission(one).admitted for one in ("admitted", "not-yet")] == [True, False]


def test_an_entry_told_later_has_its_own_time() -> None:
    """A gate that was offline tells it afterwards: the answer is of the time of the entry, and so is the entry."""
    ticket = new_ticket()
    ticket.issue(AT)
    entry = DoorEntry(DOORS, "North", "ci")
    assert ticket.enter(SHOW, entry, END + SECOND).admitted
    again: Ticket = folded(through_json(events_of(ticket)))
    assert again.entry == entry
    assert ticket.enter(SHOW, DoorEntry(DOORS, "South"), DOORS) == Admission("already-checked-in", entry)


def test_an_entry_of_0_1_0_is_at_no_gate() -> None:
    """The event of a release before gates loads, with its own time."""
    ticket = new_ticket()
    ticket.issue(AT)
    ticket.record(TicketRedeemed, DOORS)
    assert ticket.entry == DoorEntry(DOORS)
