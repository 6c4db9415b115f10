"""Every process refuses bad settings at its start: one list, exit code 2, no traceback, nothing opened before."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import api.main
import projector
import worker
from cli.main import app
from settings import setting_names

ROOT = Path(__file__).parents[2]
BAD = {
    "BOXOFFICE_ENVIRONMENT": "production",
    "BOXOFFICE_SOLANA__RPC_URL": "nowhere",
    "BOXOFFICE_STRIPE__APIKEY": "sk_live_hidden",
    "BOXOFFICE_POSTGRES__URL": "postgresql://u:hidden@127.0.0.1:99999/d",
}


def command(*arguments: str) -> Callable[[], None]:
    """Return a command of the console script as a front door that raises its exit."""

    def run() -> None:
        result = CliRunner().invoke(app, list(arguments))
        sys.stderr.write(result.stderr)
        raise SystemExit(result.exit_code)

    return run


DOORS: dict[str, Callable[[], None]] = {
    "api": api.main.main,
    "worker": worker.main,
    "projector": projector.main,
    "reconcile": command("reconcile"),
    "up": command("up", "--data-dir", "data"),
}


@pytest.mark.parametrize("process", DOORS)
def test_a_process_names_every_bad_setting_and_ends(
    process: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list has the bad address, the bad port and the unknown name with its suggestion, and shows no secret."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [process])
    for name, _, _ in setting_names():
        monkeypatch.delenv(name, raising=False)
    for name, value in BAD.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        DOORS[process]()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith(f"{process} does not start. Refused settings (")
    for line in (
        "BOXOFFICE_STRIPE__APIKEY: there is no such setting; did you mean BOXOFFICE_STRIPE__API_KEY?",
        "BOXOFFICE_SOLANA__RPC_URL: must be a URL http:// or https:// with a host",
        "BOXOFFICE_POSTGRES__URL: the port must be 1 to 65535",
    ):
        assert f"  {line}\n" in said
    assert "hidden" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_development_stack_is_not_started_in_production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`boxoffice up` refuses before it starts anything."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOXOFFICE_ENVIRONMENT", "production")
    result = CliRunner().invoke(app, ["up", "--data-dir", "data"])
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert result.stderr == "boxoffice up: this command is for development, and BOXOFFICE_ENVIRONMENT is production\n"


def test_a_process_of_its_own_ends_with_the_list_and_no_traceback() -> None:
    """`python -m projector` with a bad setting ends with code 2 and the list as its only output."""
    bad = {"PATH": "/bin", "BOXOFFICE_API__PORT": "eight"}
    ended = subprocess.run(
        [sys.executable, "-m", "projector"], cwd=ROOT, env=bad, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "projector does not start. Refused settings (1):",
        "  BOXOFFICE_API__PORT: Input should be a valid integer, unable to parse string as an integer",
    ]
    assert ended.stdout == ""
