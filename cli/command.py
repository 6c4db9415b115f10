"""What commands share: options, the settings that one runs with, and how it ends when it cannot do its work."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from devstack.stack import Stack
from devstack.supervisor.data_dir import STACK_FILE
from settings import Settings
from settings.check import Process, settings_of

NAMED_MAX = 5
DataDir = Annotated[
    Path | None, typer.Option(help="folder of a running `boxoffice up`; without it, the systems of the settings")
]
StackDir = Annotated[Path, typer.Option(help="folder of a running `boxoffice up`")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document")]


class UnreadableError(RuntimeError):
    """A system could not be read; the message names it."""


def settings_at(data_dir: Path | None, process: Process) -> Settings:
    """Return the settings of a running stack, or the environment's; raise UnreadableError without such a stack."""
    if data_dir is None:
        return settings_of(process)
    if not (data_dir / STACK_FILE).exists():
        raise UnreadableError(f"no running stack in {data_dir}")
    return settings_of(process, given=Stack(data_dir, 0).env)


@contextmanager
def ends_at(*reasons: type[Exception], command: str, code: int) -> Iterator[None]:
    """End with a code and one line about the reason, at one of these errors."""
    try:
        yield
    except reasons as reason:
        typer.echo(f"boxoffice {command}: {reason}", err=True)
        raise typer.Exit(code) from None


def first_of(names: Collection[str]) -> str:
    """Return the first names as one text, and how many more there are."""
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return f"{', '.join(list(names)[:NAMED_MAX])}{more}"
