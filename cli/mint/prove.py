"""`boxoffice ticket prove`: a proof that a ticket is a leaf under the root on chain, for anybody to check."""

import asyncio
import json
from typing import Annotated

import typer

from activities.tokens.trees.proof import LeafReader
from adapters.database.startup import opened_event_store
from adapters.solana.rpc.client import NodeClient
from adapters.solana.rpc.pool import FirstSeenChain, NodePool
from adapters.solana.show_mints import RootReader
from cli.command import DataDir, UnreadableError, ends_at, settings_at
from domain.core.errors import UnknownSubject
from domain.core.transient import TransientError
from domain.views.minting import LeafProof
from settings import Settings
from settings.chain import COMMAND_SECONDS

app = typer.Typer(help="Prove tickets.", no_args_is_help=True)


@app.callback()
def tickets() -> None:
    """Prove tickets."""


@app.command()
def prove(
    ticket_id: Annotated[str, typer.Argument(metavar="ID", help="the ticket's id, ti_...")],
    as_json: Annotated[bool, typer.Option("--json", help="print the proof as JSON, for the verifier")] = False,  # noqa: FBT002
    data_dir: DataDir = None,
) -> None:
    """Prove a ticket of a show that mints on claim: root, leaf and path, which docs/minting.md shows how to check."""
    with ends_at(UnreadableError, UnknownSubject, TransientError, command="ticket", code=2):
        found = asyncio.run(_prove(settings_at(data_dir, "prove"), ticket_id))
    if found is None:
        typer.echo(f"ticket {ticket_id} is no leaf under the root that is on chain now", err=True)
        raise typer.Exit(1)
    if as_json:
        typer.echo(json.dumps(found))
        return
    for name, value in found.items():
        typer.echo(f"{name:<12}{' '.join(found['path']) if name == 'path' else value}")


async def _prove(settings: Settings, ticket_id: str) -> LeafProof | None:
    """Read the ticket and its tree from the events, and the root from the chain."""
    solana = settings.solana
    limits = (solana.calls_per_second, solana.sends_per_second)
    client = NodeClient(NodePool.of(solana.nodes, limits, FirstSeenChain(), patience_seconds=COMMAND_SECONDS))
    async with opened_event_store(settings.postgres.url) as store:
        try:
            leaf = await LeafReader(store, RootReader(client)).read_leaf(ticket_id)
            return None if leaf is None else leaf["proof"]
        finally:
            await client.close()
