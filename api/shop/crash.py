"""The crash button of a development stack: kill one of its processes, and see when the supervisor has it back."""

import asyncio
import json
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from fastapi import Path as InPath
from fastapi import Response

from api.http.guard import guarded_router, public
from api.http.problems import not_found
from api.http.requests import Deps
from api.shop.errors import is_page
from api.shop.render import page
from api.shop.visitor import FromOurPage

router = guarded_router(prefix="/stack", include_in_schema=False)
# What a person at the page calls them.
NAMES = {
    "api": "API",
    "worker": "Worker",
    "projector": "Projector",
    "temporal": "Temporal",
    "postgres": "PostgreSQL",
    "stripe": "Stripe",
    "chain": "Solana",
    "inbox": "Inbox",
}


class StackProcess(NamedTuple):
    """A process as the supervisor has it: `since` is when it was started, null while it is away."""

    key: str
    name: str
    state: str
    pid: int | None
    since: str | None
    restarts: int


@router.get("")
@public
@is_page
async def show_stack(deps: Deps) -> Response:
    """Show the processes of the stack."""
    return page("stack.html", processes=await asyncio.to_thread(running, deps.shop.stack_file))


@router.post("/{key}/kill", status_code=204, dependencies=[FromOurPage])
@public
@is_page
async def kill_process(key: Annotated[str, InPath(max_length=20)], deps: Deps) -> None:
    """Kill a process, as a crash would; also this one."""
    found = await asyncio.to_thread(running, deps.shop.stack_file)
    process = next((process for process in found if process.key == key), None)
    if process is None:
        raise not_found("process", key)
    if process.pid is not None:
        os.kill(process.pid, signal.SIGKILL)


def running(stack_file: Path | None) -> list[StackProcess]:
    """Return the processes of a stack, from the file that its supervisor writes; 404 where none may be killed."""
    if stack_file is None or not stack_file.exists():
        raise not_found("page", "/stack")
    processes: dict[str, Any] = json.loads(stack_file.read_text())["processes"]
    return [_running(key, process) for key, process in processes.items()]


def _running(key: str, process: dict[str, Any]) -> StackProcess:
    since = process["started"] if process["state"] == "healthy" else None
    shown = None if since is None else datetime.fromtimestamp(since, UTC).strftime("%H:%M:%S")
    return StackProcess(key, NAMES.get(key, key), process["state"], process["pid"], shown, process["restarts"])
