"""`boxoffice mint status`: how minting goes, its money, and the nodes as the mint worker sees them."""

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from adapters.postgres.connections import open_pool
from adapters.postgres.minting import PostgresMinting
from cli.command import DataDir, UnreadableError, ends_at, settings_at
from domain.core.transient import TransientError
from domain.views.minting import MintingDocument, MintSummary
from settings import Settings

POOL_SIZE = 1
WATCH_SECONDS = 2.0


def command(
    show: Annotated[str, typer.Argument(metavar="SHOW", help="id of a show; without it, all tickets")] = "",
    data_dir: DataDir = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="print again every two seconds, until Ctrl-C")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document, a line each with --watch")] = False,
) -> None:
    """Show tickets minted, in flight and owed, the payer's money, and the nodes."""
    with ends_at(UnreadableError, TransientError, command="mint status", code=1), suppress(KeyboardInterrupt):
        asyncio.run(_run(settings_at(data_dir, "mint"), show, watch=watch, as_json=as_json))


async def _run(settings: Settings, show: str, *, watch: bool, as_json: bool) -> None:
    console = Console()
    async with open_pool(settings.postgres.url, POOL_SIZE) as pool:
        minting = PostgresMinting(pool)
        while True:
            counts, figures = await minting.counts(show), await minting.load()
            if as_json:
                typer.echo(json.dumps(document(show, counts, figures), indent=None if watch else 2))
            else:
                if watch:
                    console.clear()
                console.print(picture(show, counts, figures))
            if not watch:
                return
            await asyncio.sleep(WATCH_SECONDS)


def document(show: str, counts: MintSummary, figures: MintingDocument | None) -> dict[str, Any]:
    """Return the document of `--json`; `payer` is null before the mint worker's first look."""
    return {"show_id": show or None, **counts, "payer": figures}


def picture(show: str, counts: MintSummary, figures: MintingDocument | None) -> Table:
    """Return the figures as a table."""
    table = Table(title=f"Minting of {show or 'all shows'}", show_header=False)
    for name, value in _rows(counts, figures):
        table.add_row(name, value)
    return table


def _rows(counts: MintSummary, figures: MintingDocument | None) -> list[tuple[str, str]]:
    rows = [
        ("minted", str(counts["minted"])),
        ("in flight", str(counts["in_flight"])),
        ("owed", f"{counts['owed']}, the oldest since {counts['oldest']}" if counts["owed"] else "0"),
        ("rate", f"{counts['minted_per_minute']} a minute"),
    ]
    if figures is None:
        return [*rows, ("payer", "no mint worker has looked yet")]
    age = datetime.now(UTC) - datetime.fromisoformat(figures["at"])
    state = f"PAUSED since {figures['low_since']}" if figures["low_since"] else "minting"
    rows += [
        ("state", state),
        ("payer", f"{figures['payer']} ({age.total_seconds():.0f} s ago)"),
        ("lamports", f"{figures['lamports']:,}, paused below {figures['low_lamports']:,}"),
        ("a ticket", f"{figures['ticket_lamports']:,} lamports at most"),
        ("runway", f"{figures['runway']} tickets can still be sold, {figures['owed']} are owed"),
    ]
    for node in figures["nodes"]:
        calls = f"{node['calls']} calls, {node['failures']} failed, {node['limited']} limited"
        rows.append((f"node {node['name']}", f"{node['trouble'] or 'well'}: {calls}"))
    return rows
