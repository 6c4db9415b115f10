"""The rows of the table."""

from bench.comparison.comparison import Row
from bench.rows import allocation_load, appends, books, checkouts, holds, mint, on_sale, projector, purchases, scans

ALL: tuple[Row, ...] = tuple(
    row
    for module in (holds, on_sale, purchases, checkouts, scans, appends, books, mint, projector, allocation_load)
    for row in module.ROWS
)
