"""The runbook names only existing settings, targets, files and modules."""

import re
from pathlib import Path

from settings import setting_names
from workflows.core.search_attributes import NEEDS_OPERATOR

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()


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
