"""`boxoffice up`: run the whole stack on this machine until Ctrl-C.

Imports little, so that the programs of the stack begin to import at once: they need the longest.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from devstack.config import PORT_DEFAULTS, Programs
from devstack.supervisor import fork_server


def _port(name: str) -> Any:
    """Return the option of a port."""
    told = f"{PORT_DEFAULTS[name]}, or a free one where that is taken; 0 is a free port"
    return typer.Option(min=0, max=65535, help=told, show_default=False)


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
    requested = (api_port, temporal_port, temporal_ui_port, stripe_port, solana_port, inbox_port)
    ports = dict(zip(PORT_DEFAULTS, requested, strict=True))
    programs = Programs()
    with fork_server.forking(programs.early()) as forks:
        from cli.stack.start import start

        start(data_dir, ports, programs, forks, seeds=seeds, headless=headless, as_json=as_json)
