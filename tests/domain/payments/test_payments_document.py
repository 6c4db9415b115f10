"""docs/payments.md lists exactly the real tests of payments, disputes, refunds and payouts."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_each_row_has_its_test_and_each_test_its_row() -> None:
    """Every row names an existing test, and every test has a row."""
    documented = re.findall(r"\| `(test_\w+)` \|$", (ROOT / "docs" / "payments.md").read_text(), flags=re.MULTILINE)
    subjects = ("payments", "disputes", "refunds", "payouts")
    texts = [(ROOT / "tests/real" / f"test_{subject}.py").read_text() for subject in subjects]
    defined = [name for text in texts for name in re.findall(r"^async def (test_\w+)", text, flags=re.MULTILINE)]
    assert sorted(documented) == sorted(defined)
