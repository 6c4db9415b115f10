"""The import contracts of `pyproject.toml` hold, and each of them has been seen to fail."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS: list[str] = [contract["name"] for contract in LINTER["contracts"]]
# One line that breaks a contract and no other one: contract to (module, import).
OFFENCES = {
    "the rooms are layered": ("api/routes/health.py", "cli"),
    "the domain stands alone": ("domain/money/money.py", "temporalio"),
    "only front doors see adapters and settings": ("activities/core/failures.py", "adapters"),
    "of the api only its front door sees adapters and settings": ("api/routes/health.py", "adapters"),
    "adapters see the domain only": ("adapters/solana/keys.py", "activities"),
    "nothing with IO is reachable from workflows": ("workflows/core/activity_calls.py", "psycopg"),
    "the devstack is imported by nothing but the cli": ("api/routes/health.py", "devstack"),
    "the devstack knows nothing of the box office": ("devstack/supervisor/ports.py", "domain"),
    "emulators and proxy stand alone in the devstack": ("devstack/stripe/core/errors.py", "devstack.chain.faults"),
}


def verdicts(folder: Path) -> tuple[int, dict[str, str]]:
    """Run the linter in a folder: its exit status, and KEPT or BROKEN by contract."""
    lint = Path(sys.executable).parent / "lint-imports"
    run = subprocess.run([lint, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    lines = re.findall(r"^(.+?) (KEPT|BROKEN)\b", run.stdout, re.MULTILINE)
    assert lines, run.stdout + run.stderr
    return run.returncode, dict(lines)


def test_every_contract_is_kept() -> None:
    """The linter finds every contract of the project kept."""
    assert verdicts(ROOT) == (0, dict.fromkeys(CONTRACTS, "KEPT"))


def test_every_contract_has_an_offence_to_its_name() -> None:
    """A contract without a proof that it can fail does not pass, nor do two contracts of one name."""
    assert sorted(CONTRACTS) == sorted(OFFENCES)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_one_offending_import_breaks_exactly_its_contract(contract: str, tmp_path: Path) -> None:
    """In a copy of the source with one wrong import the linter names that contract, and only that one."""
    for package in LINTER["root_packages"]:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path, offence = OFFENCES[contract]
    module = tmp_path / path
    module.write_text(f"{module.read_text()}\n\nimport {offence}\n")
    assert verdicts(tmp_path) == (1, {**dict.fromkeys(CONTRACTS, "KEPT"), contract: "BROKEN"})
