"""docs/payments.md lists exactly the real tests of payments and refunds."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_each_row_has_its_test_and_each_test_its_row() -> None:
    """Every row names an existing test, and every test has a row."""
    documented = re.findall(r"\| `(test_\w+)` \|$", (ROOT / "docs" / "payments.md").read_text(), flags=re.MULTILINE)
    modules = [(ROOT / f"tests/real/test_{subject}.py").read_text() for subject in ("payments", "refunds")]
    defined = re.findall(r"^async def (test_\w+)", "\n".join(modules), flags=re.MULTILINE)
    assert sorted(documented) == sorted(defined)
