"""Reservation: the holds of an external order, until it is confirmed or ended."""

from domain.catalog.line import Line
from domain.stock.reservation import ReservationConfirmed, ReservationEnded
from tests.fakes.samples import AT, LATER, names_of, new_reservation


def test_a_reservation_begins_held() -> None:
    """A new reservation has its lines, its tickets and its deadline."""
    made = new_reservation()
    assert (made.state, made.until, made.ticket_ids) == ("held", LATER, ("t1", "t2"))
    assert made.lines == (Line(ticket_type_id="floor", quantity=2),)


def test_a_reservation_is_confirmed_or_ended() -> None:
    """Each end is recorded as an event."""
    confirmed, ended = new_reservation(), new_reservation()
    confirmed.record(ReservationConfirmed, AT)
    ended.record(ReservationEnded, AT, reason="expired")
    assert (confirmed.state, ended.state) == ("confirmed", "released")
    assert names_of(confirmed) + names_of(ended) == ["ReservationConfirmed", "ReservationEnded"]
