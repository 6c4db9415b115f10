"""A running stack for the commands that use one: its API, its progress as lines, and its refusals as sentences."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import typer

from cli.buyer import ApiClient, DemoFailedError
from devstack.stack import Stack
from devstack.supervisor.data_dir import STACK_FILE, read_json

T = TypeVar("T")
CALL_SECONDS = 30.0


def stack_at(data_dir: Path, command: str) -> Stack:
    """Return the running stack of a folder; without one, say how to start it and end with code 1."""
    status = read_json(data_dir / STACK_FILE)
    if status.get("state") != "ready":
        typer.echo(f"boxoffice {command}: no stack is running in {data_dir}; start one: boxoffice up", err=True)
        raise typer.Exit(1)
    return Stack(data_dir, status["supervisor"]["pid"])


def answered(command: str, acting: Awaitable[T]) -> T:
    """Return the result of an act; what refuses it is said in one line, and ends the command with code 1."""

    async def act() -> T:
        return await acting

    try:
        return asyncio.run(act())
    except DemoFailedError as refused:
        typer.echo(f"boxoffice {command}: {refused}", err=True)
    except httpx.HTTPError as failure:
        typer.echo(f"boxoffice {command}: no answer ({failure}); is the stack running? boxoffice up", err=True)
    raise typer.Exit(1)


@asynccontextmanager
async def api_of(stack: Stack) -> AsyncIterator[ApiClient]:
    """Open a client of a stack's API with its development key."""
    async with httpx.AsyncClient(
        base_url=stack.urls["api"], headers=stack.key, timeout=CALL_SECONDS, trust_env=False
    ) as http:
        yield ApiClient(http)


def say_line(line: dict[str, Any]) -> None:
    """Print one line of a purchase's timeline."""
    typer.echo(f"  {line['at'][11:23]} ✓ {line['text']}")


def voice(*, as_json: bool) -> Callable[[dict[str, Any]], None]:
    """Return the function that tells the progress; before a JSON document none is told."""
    return (lambda _: None) if as_json else say_line
