"""docs/payments.md tells of the tests that there are, and there is a test of each row."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_each_row_has_its_test_and_each_test_its_row() -> None:
    """A row without a test would be a promise, a test without a row an end that nobody can read of."""
    told = re.findall(r"\| `(test_\w+)` \|$", (ROOT / "docs" / "payments.md").read_text(), flags=re.MULTILINE)
    there = re.findall(r"^async def (test_\w+)", (ROOT / "tests/real/test_payments.py").read_text(), flags=re.MULTILINE)
    assert sorted(told) == sorted(there)
