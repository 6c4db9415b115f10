"""Every command takes `--data-dir`, and reads the settings of that stack whatever the environment says."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import projector
from cli.command import UnreadableError, settings_at
from cli.main import app
from devstack.supervisor.data_dir import SECRETS_FILE, STACK_FILE
from settings.check import NEEDS, Process

# Commands without a running stack to read, each with the reason.
WITHOUT = {"audit": "reads the code", "demo": "makes a stack of its own"}
URL = "postgresql://postgres@127.0.0.1:1/of-the-stack"


def commands(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every command at any depth, with its whole name."""
    inside = getattr(group, "commands", None)
    if inside is None:
        yield name, group
        return
    for own, command in inside.items():
        yield from commands(command, f"{name} {own}".strip())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of a running stack."""
    (tmp_path / STACK_FILE).write_text(json.dumps({"urls": {}, "env": {"BOXOFFICE_POSTGRES__URL": URL}}))
    seeds = ("DEPLOYMENT__SECRET", "SOLANA__ISSUER_SECRET", "SOLANA__ADDRESS_SECRET")
    kept = {f"BOXOFFICE_{name}": f"{number:064x}" for number, name in enumerate(seeds, 1)}
    (tmp_path / SECRETS_FILE).write_text(json.dumps({"env": kept}))
    return tmp_path


def test_every_command_takes_the_folder_of_a_stack() -> None:
    """A new command, too."""
    found = dict(commands(typer.main.get_command(app)))
    lacking = {name for name, command in found.items() if "data_dir" not in {one.name for one in command.params}}
    assert lacking == set(WITHOUT)
    assert len(found) > 10


@pytest.mark.parametrize("process", sorted(NEEDS))
def test_the_settings_are_those_of_the_stack(process: Process, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names another database; without the folder it would be read."""
    monkeypatch.setenv("BOXOFFICE_POSTGRES__URL", "postgresql://postgres@127.0.0.1:1/of-the-environment")
    assert settings_at(folder, process).postgres.url == URL


def test_a_folder_without_a_stack_is_refused(tmp_path: Path) -> None:
    """Instead of reading the environment's systems."""
    with pytest.raises(UnreadableError, match="no running stack"):
        settings_at(tmp_path, "purchase")


def test_the_projector_reads_a_stack_too(folder: Path) -> None:
    """For a rebuild."""
    environment = projector.environment_of(folder)
    assert environment is not None
    assert environment["BOXOFFICE_POSTGRES__URL"] == URL
    assert projector.environment_of(None) is None
