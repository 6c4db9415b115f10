"""`boxoffice up`: run the whole stack on this machine until Ctrl-C."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.command import ends_at
from cli.extras import require
from cli.stack.seed import say_seeded
from devstack.config import API_PORT, PORT_DEFAULTS, StackConfig
from devstack.stack import Stack
from devstack.supervisor.data_dir import KEY_FILE, AlreadyRunningError
from devstack.supervisor.ports import PortBusyError
from devstack.supervisor.process import ProcessFailedError
from devstack.topology import SettingMissingError
from devstack.up import run_stack
from settings.check import PRODUCTION, settings_of, withheld


def _port(name: str) -> Any:
    """Return the option of a port."""
    told = f"{PORT_DEFAULTS[name]}, or a free one where that is taken; 0 is a free port"
    return typer.Option(min=0, max=65535, help=told, show_default=False)


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


def up(
    data_dir: Annotated[Path, typer.Option(help="folder that keeps all state; the same folder continues")],
    api_port: Annotated[int | None, _port("api")] = None,
    temporal_port: Annotated[int | None, _port("temporal")] = None,
    temporal_ui_port: Annotated[int | None, _port("temporal_ui")] = None,
    stripe_port: Annotated[int | None, _port("stripe")] = None,
    solana_port: Annotated[int | None, _port("solana")] = None,
    *,
    inbox_port: Annotated[int | None, _port("inbox")] = None,
    seeds: Annotated[bool, typer.Option("--seed", help="put a venue and three shows on sale once it is ready")] = False,
    headless: Annotated[bool, typer.Option("--headless", help="leave out Temporal's web UI")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one line of JSON when ready")] = False,
) -> None:
    """Start the whole stack, keep it alive, and stop it on Ctrl-C or SIGTERM."""
    require("devstack", "up")
    settings = settings_of("up")
    if settings.environment == PRODUCTION:
        typer.echo("boxoffice up: this command is for development, and BOXOFFICE_ENVIRONMENT is production", err=True)
        raise typer.Exit(2)
    given = settings.given()
    requested = (api_port, temporal_port, temporal_ui_port, stripe_port, solana_port, inbox_port)
    ports = dict(zip(PORT_DEFAULTS, requested, strict=True))
    if api_port is None and API_PORT in given:
        ports["api"] = int(given[API_PORT])
    config = StackConfig(data_dir, ports=ports, given=given, headless=headless, withheld=withheld())
    refused = (AlreadyRunningError, PortBusyError, ProcessFailedError, SettingMissingError, OSError)
    with ends_at(*refused, command="up", code=1):
        asyncio.run(_run(config, show_json if as_json else show_table, seeds=seeds))


async def _run(config: StackConfig, show: Callable[[dict[str, Any]], None], *, seeds: bool) -> None:
    """Run the stack; seed it once it is ready, which takes as long as the chain takes to be final."""
    seeding: list[asyncio.Task[None]] = []

    def ready(stack: dict[str, Any]) -> None:
        show(stack)
        if seeds:
            seeding.append(asyncio.create_task(say_seeded(Stack(Path(stack["data_dir"]), stack["supervisor"]["pid"]))))

    await run_stack(config, ready)
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
