"""The rows of the table, by name."""

from bench.contest import Row
from bench.rows import appends, books, holds, loading, projecting

ALL: tuple[Row, ...] = (*holds.ROWS, *appends.ROWS, *books.ROWS, *projecting.ROWS, *loading.ROWS)
