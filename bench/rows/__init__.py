"""The rows of the table, by name."""

from bench.contest import Row
from bench.rows import appends, books, checkouts, door, holds, loading, minting, projecting, purchases

ALL: tuple[Row, ...] = tuple(
    row
    for room in (holds, door, purchases, checkouts, appends, books, minting, projecting, loading)
    for row in room.ROWS
)
