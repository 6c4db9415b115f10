"""`boxoffice mint rotate-keys`: hand what retired keys still have on chain to their successors."""

import asyncio
import json
import logging
from typing import Annotated

import typer

from activities.tokens.rotate import ChainKeyRotation, Rotated
from adapters.event_store.event_pages import EventPages
from cli.command import AsJson, DataDir, UnreadableError, ends_at, settings_at
from domain.core.transient import TransientError
from domain.tickets.has_token import TokenSigned
from settings import Settings
from settings.chain import COMMAND_SECONDS, nodes_of, token_chain_of

DONE, LEFT, FAILED = 0, 1, 2


def command(
    data_dir: DataDir = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="count what is left, and change nothing")] = False,
    as_json: AsJson = False,
) -> None:
    """Hand the authorities of retired keys to the present key of their role.

    Exit code 0: done; 1: not all; 2: failed.

    It reads what is left from the chain: it may be interrupted and run again, while tickets are sold and minted.
    """
    logging.basicConfig(level=logging.ERROR)
    with ends_at(UnreadableError, TransientError, command="mint rotate-keys", code=FAILED):
        rotated = asyncio.run(_run(settings_at(data_dir, "rotate-keys"), dry_run=dry_run))
    if as_json:
        typer.echo(json.dumps({**rotated._asdict(), "dry_run": dry_run}, indent=2))
    else:
        typer.echo(f"{rotated.handed_over} authorities handed over, {rotated.left} left with retired keys")
        if rotated.absent:
            typer.echo(f"{rotated.absent} signed addresses have no token (yet): run again when nothing is in flight")
    raise typer.Exit(LEFT if rotated.left else DONE)


async def _run(settings: Settings, *, dry_run: bool) -> Rotated:
    if not settings.solana.keys.retired:
        raise UnreadableError("no key is retired: BOXOFFICE_SOLANA__RETIRED_SECRETS names the seeds before")
    chain = token_chain_of(settings, nodes_of(settings, patience_seconds=COMMAND_SECONDS), lambda _: None)
    try:
        addresses = await asyncio.to_thread(signed_addresses, settings.postgres.url)
        return await ChainKeyRotation(chain, _tell).rotate(addresses, dry_run=dry_run)
    finally:
        await chain.close()


def signed_addresses(url: str) -> list[str]:
    """Return every address that a token was signed for, in the order of the events: venues and shows come first."""
    found: dict[str, None] = {}
    with EventPages(url) as pages:
        for page in pages.recorded(0, pages.head()):
            found |= {event.signed["mint_address"]: None for _, event in page if isinstance(event, TokenSigned)}
    return list(found)


def _tell(left: int) -> None:
    typer.echo(f"{left} authorities left", err=True)
