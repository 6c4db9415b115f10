"""Seats: how a hold is placed, for purchases and for the internal ticket API alike."""

from collections.abc import Sequence
from datetime import datetime

from domain.allocation import Allocation
from domain.desk import Desk
from domain.order import Line


def hold_seats(desk: Desk, lines: Sequence[Line], key: str, until: datetime, maker: str) -> None:
    """Hold the seats of every line under one key, all or none; the same key again changes nothing."""
    wanted = [(line.quantity, desk.get(Allocation, line.ticket_type_id)) for line in lines]
    for quantity, allocation in wanted:
        allocation.check(key, quantity, until, desk.at)
    for quantity, allocation in wanted:
        allocation.place(key, quantity, until, maker, desk.at)
