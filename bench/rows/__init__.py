"""The rows of the table."""

from bench.comparison.comparison import Row
from bench.rows import appends, books, checkouts, lists, mint, on_sale, projector, purchases, scans
from bench.rows.stock import allocation_load, holds

ALL: tuple[Row, ...] = tuple(
    row
    for module in (
        *(holds, on_sale, purchases, checkouts, scans, lists),
        *(appends, books, mint, projector, allocation_load),
    )
    for row in module.ROWS
)
