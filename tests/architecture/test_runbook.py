"""The runbook names only existing settings, targets, files and modules."""

import re
from pathlib import Path

from settings import setting_names
from workflows.core.reasons import ADVICE
from workflows.core.search_attributes import NEEDS_OPERATOR

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()


def test_every_need_of_an_operator_has_its_exit_in_the_runbook() -> None:
    """Each reason has a row with all of its acts; `tests/workflows/test_reasons.py` tries each pair to its end."""
    rows = {row[1]: row[2] for row in re.finditer(r"^\| `([a-z-]+)` \| (.+) \|$", RUNBOOK, re.MULTILINE)}
    for reason, advice in ADVICE.items():
        assert reason in rows, f"docs/runbook.md has no row for {reason}"
        missing = [act.name for act in advice.acts if f"`{act.name}`" not in rows[reason]]
        assert not missing, f"the row of {reason} lacks {missing}"


def test_every_name_in_the_runbook_exists() -> None:
    """Settings, make targets, files and modules exist, and the search attribute has the right name."""
    assert set(re.findall(r"BOXOFFICE_\w+", RUNBOOK)) <= {name for name, _, _ in setting_names()}
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make (\w+)`", RUNBOOK)) <= targets
    files = set(re.findall(r"`([\w./-]+(?:\.py|\.yml|/))`", RUNBOOK))
    assert files
    assert [name for name in files if not (ROOT / name).exists()] == []
    modules = set(re.findall(r"python -m (\w+)", RUNBOOK))
    assert [name for name in modules if not (ROOT / f"{name}.py").exists()] == []
    assert f"{NEEDS_OPERATOR.name} = true" in RUNBOOK
