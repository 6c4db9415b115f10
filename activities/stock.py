"""Seats: how a hold is placed, for purchases and for the internal ticket API alike."""

from collections.abc import Sequence
from datetime import datetime

from domain.catalog.line import Line
from domain.core.unit_of_work import Desk
from domain.stock.allocation import Allocation


def check_seats(desk: Desk, lines: Sequence[Line], key: str, until: datetime) -> None:
    """Refuse a hold that cannot be placed now."""
    for line in lines:
        desk.get(Allocation, line.ticket_type_id).check(key, line.quantity, until, desk.at)


def hold_seats(desk: Desk, lines: Sequence[Line], key: str, until: datetime, maker: str) -> None:
    """Hold the seats of every line under one key; the same key again changes nothing.

    All or none: a decision in which one of them is refused leaves nothing behind.
    """
    for line in lines:
        desk.get(Allocation, line.ticket_type_id).place(key, line.quantity, until, maker, desk.at)
