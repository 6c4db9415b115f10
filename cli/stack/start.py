"""Starts the stack for `boxoffice up`, shows it, and keeps it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from cli.command import ends_at
from cli.extras import require
from cli.stack.seed import say_seeded
from devstack.config import API_PORT, Programs, StackConfig
from devstack.stack import Stack
from devstack.supervisor.data_dir import KEY_FILE, AlreadyRunningError
from devstack.supervisor.fork_server import ForkServer
from devstack.supervisor.ports import PortBusyError
from devstack.supervisor.process import ProcessFailedError
from devstack.topology import SettingMissingError
from devstack.up import run_stack
from settings.check import PRODUCTION, settings_of, withheld

HOW = "Authorization: Bearer <key>"
EXPLAINED = {
    "api": "the shop; the HTTP API under /docs",
    "inbox": "the letters that buyers get",
    "temporal_ui": "Temporal's web UI: every purchase, step by step",
    "temporal": "Temporal's frontend (gRPC)",
    "postgres": "events and read models",
    "stripe": "Stripe, or its emulator",
    "solana_rpc": "Solana JSON-RPC",
    "solana_ws": "Solana web socket",
}


def start(
    data_dir: Path,
    ports: dict[str, int | None],
    programs: Programs,
    forks: ForkServer | None,
    *,
    seeds: bool,
    headless: bool,
    as_json: bool,
) -> None:
    """Start the stack, show it once it is ready, and keep it until Ctrl-C or SIGTERM."""
    require("devstack", "up")
    settings = settings_of("up")
    if settings.environment == PRODUCTION:
        typer.echo("boxoffice up: this command is for development, and BOXOFFICE_ENVIRONMENT is production", err=True)
        raise typer.Exit(2)
    given = settings.given()
    if ports["api"] is None and API_PORT in given:
        ports["api"] = int(given[API_PORT])
    config = StackConfig(data_dir, ports, given, programs, headless=headless, withheld=withheld())
    refused = (AlreadyRunningError, PortBusyError, ProcessFailedError, SettingMissingError, OSError)
    with ends_at(*refused, command="up", code=1):
        asyncio.run(_run(config, forks, show_json if as_json else show_table, seeds=seeds))


async def _run(
    config: StackConfig, forks: ForkServer | None, show: Callable[[dict[str, Any]], None], *, seeds: bool
) -> None:
    """Run the stack; seed it once it is ready, which takes as long as the chain takes to be final."""
    seeding: list[asyncio.Task[None]] = []

    def ready(stack: dict[str, Any]) -> None:
        show(stack)
        if seeds:
            seeding.append(asyncio.create_task(say_seeded(Stack(Path(stack["data_dir"]), stack["supervisor"]["pid"]))))

    await run_stack(config, ready, forks)
    for task in seeding:
        task.cancel()


def show_json(stack: dict[str, Any]) -> None:
    """Print the content of `stack.json` as one line."""
    print(json.dumps(stack), flush=True)


def show_table(stack: dict[str, Any]) -> None:
    """Print the addresses to open: a table in a terminal, plain lines elsewhere."""
    console = Console()
    rows = [(EXPLAINED[name], stack["urls"][name]) for name in EXPLAINED if name in stack["urls"]]
    if not console.is_terminal:
        for meaning, url in rows:
            print(f"{url}  {meaning}")
        print(f"{stack['data_dir']}/{KEY_FILE}  the key of the API, with every scope: {HOW}")
        print(f"ready; state in {stack['data_dir']}; Ctrl-C stops everything", flush=True)
        return
    table = Table("open", "what", title="Boxoffice is ready", caption=f"state in {stack['data_dir']}; Ctrl-C stops all")
    for meaning, url in rows:
        table.add_row(url, meaning)
    table.add_row(f"{stack['data_dir']}/{KEY_FILE}", f"the key of the API, with every scope; {HOW}")
    console.print(table)
