"""Ports are requested, kept or free."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from devstack.stack import ROOT
from devstack.supervisor.ports import PortBusyError, choose_ports, is_free


@pytest.fixture
def busy() -> Iterator[int]:
    """A port in use."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield held.getsockname()[1]


def test_a_requested_port_in_use_is_refused(tmp_path: Path, busy: int) -> None:
    """A requested port is used or refused, never replaced."""
    with pytest.raises(PortBusyError, match=f"port {busy} for api is in use"):
        choose_ports({"api": busy}, {}, tmp_path / "ports.json")


def test_a_kept_port_is_used_again_and_replaced_when_busy(tmp_path: Path, busy: int) -> None:
    """An unrequested port is the kept one while that is free."""
    file = tmp_path / "ports.json"
    first = choose_ports({"api": 0, "stripe": 0}, {}, file)
    assert choose_ports({"api": None, "stripe": 0}, {"api": busy}, file) == first
    file.write_text(f'{{"api": {busy}}}')
    replaced = choose_ports({"api": 0}, {}, file)["api"]
    assert replaced != busy
    assert is_free(replaced)


def test_an_interrupted_write_leaves_the_kept_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while it writes them, a stack starts again, on the same ports."""
    file = tmp_path / "ports.json"
    first = choose_ports({"api": 0}, {}, file)

    def killed_at_the_first_byte(out: TextIO) -> None:
        out.write("{")
        out.flush()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(json, "dump", lambda _, out, **__: killed_at_the_first_byte(out))
        patched.setattr(Path, "write_text", lambda path, _: killed_at_the_first_byte(path.open("w")))
        with pytest.raises(KeyboardInterrupt):
            choose_ports({"api": 0}, {}, file)
    assert choose_ports({"api": 0}, {}, file) == first


def test_a_default_gives_way_when_busy(tmp_path: Path, busy: int) -> None:
    """A default port in use is replaced."""
    assert choose_ports({"api": None}, {"api": busy}, tmp_path / "ports.json")["api"] != busy


def test_a_requested_port_is_not_given_to_another_process(tmp_path: Path) -> None:
    """Requested ports are chosen first."""
    file = tmp_path / "ports.json"
    kept = choose_ports({"api": 0}, {}, file)["api"]
    ports = choose_ports({"api": 0, "stripe": kept}, {}, file)
    assert ports["stripe"] == kept
    assert ports["api"] != kept


def test_a_port_that_another_process_claimed_is_not_given_again(tmp_path: Path) -> None:
    """Between the choice of a port and its server, another stack chooses."""
    code = "from devstack.supervisor.ports import free_port; print(free_port(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        claimed = int(other.stdout.readline())
        assert is_free(claimed)
        assert choose_ports({"api": None}, {"api": claimed}, tmp_path / "ports.json")["api"] != claimed
        assert choose_ports({"api": claimed}, {}, tmp_path / "given.json") == {"api": claimed}
        other.communicate("\n")
    assert choose_ports({"api": None}, {"api": claimed}, tmp_path / "later.json") == {"api": claimed}
