"""`boxoffice ticket prove`: a proof that a ticket is a leaf under the root on chain, for anybody to check."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.database.startup import open_event_store
from adapters.solana.rpc.client import NodeClient
from adapters.solana.rpc.pool import FirstSeenChain, NodePool
from adapters.solana.show_mints import RootReader
from cli.checks.reconcile import settings_at
from cli.checks.reconciliation import UnreadableError
from domain.core.errors import UnknownSubject
from domain.core.transient import TransientError
from domain.tickets.leaf import TreeRoot
from domain.tickets.ticket import Ticket
from domain.tickets.ticket_tree import TicketTree
from settings import Settings

app = typer.Typer(help="Prove tickets.", no_args_is_help=True)
QUEUE_MAX = 100


def register(root: typer.Typer) -> None:
    """Add this group of commands to the console script."""
    root.add_typer(app, name="ticket")


@app.callback()
def tickets() -> None:
    """Prove tickets."""


@app.command()
def prove(
    ticket_id: Annotated[str, typer.Argument(metavar="ID", help="the ticket's id, ti_...")],
    as_json: Annotated[bool, typer.Option("--json", help="print the proof as JSON, for the verifier")] = False,  # noqa: FBT002
    data_dir: Annotated[Path | None, typer.Option(help="folder of a running `boxoffice up`")] = None,
) -> None:
    """Prove a ticket of a show that mints on claim: root, leaf and path, which docs/minting.md shows how to check."""
    try:
        found = asyncio.run(_prove(settings_at(data_dir, "ticket"), ticket_id))
    except (UnreadableError, UnknownSubject, TransientError) as reason:
        typer.echo(f"boxoffice ticket: {reason}", err=True)
        raise typer.Exit(2) from None
    if found is None:
        typer.echo(f"ticket {ticket_id} is no leaf under the root that is on chain now", err=True)
        raise typer.Exit(1)
    if as_json:
        typer.echo(json.dumps(found))
        return
    for name, value in found.items():
        typer.echo(f"{name:<12}{' '.join(value) if name == 'path' else value}")


async def _prove(settings: Settings, ticket_id: str) -> dict[str, Any] | None:
    """Read the ticket and its tree from the events, and the root from the chain."""
    solana = settings.solana
    store = await asyncio.to_thread(open_event_store, settings.postgres.url, QUEUE_MAX)
    limits = (solana.calls_per_second, solana.sends_per_second)
    client = NodeClient(NodePool.of(solana.nodes, limits, FirstSeenChain()))
    try:
        ticket = await store.read(lambda uow: uow.get(Ticket, ticket_id))
        if not ticket.is_leaf:
            return None
        tree = await store.read(lambda uow: uow.get(TicketTree, ticket.show_id))
        return proof_of(ticket, tree, await RootReader(client).root_at(tree.grounds.show_mint))
    finally:
        await client.close()
        await asyncio.to_thread(store.close)


def proof_of(ticket: Ticket, tree: TicketTree, root: TreeRoot | None) -> dict[str, Any] | None:
    """Return the proof of a ticket against a root on chain; None where it is not under it. It tells no id of ours."""
    leaf = ticket.leaf
    path = None if leaf is None or root is None else tree.path_of(leaf, root)
    if leaf is None or root is None or path is None:
        return None
    return {
        "cluster": tree.grounds.cluster,
        "show_mint": tree.grounds.show_mint,
        "size": root.size,
        "root": root.root,
        "index": leaf.index,
        "public_name": ticket.public_name,
        "cid": leaf.cid,
        "generation": leaf.generation,
        "leaf": leaf.hash,
        "path": list(path),
    }
