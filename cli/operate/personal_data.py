"""`boxoffice buyer ...`: export and erase personal data, and bring it to the newest key; for operators."""

import asyncio
import getpass
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import typer

from activities.sales.erase_buyer import BuyerErasure
from adapters.database.startup import opened_event_store
from adapters.postgres.connections import BACKGROUND, Pool, open_pool
from adapters.privacy.buyers import PostgresBuyers, Sealing
from adapters.privacy.endpoint_secrets import PostgresEndpointSecrets
from adapters.privacy.keyring import KeyMissingError, SealBrokenError
from adapters.privacy.rotation import Rotation, RotationProgress
from adapters.read_models.queries import ReadModels
from cli.command import AsJson, DataDir, UnreadableError, ends_at, settings_at
from domain.core.actor import Actor, acting_as
from domain.core.errors import Refusal
from domain.core.ids import DEFAULT_TENANT
from domain.core.transient import TransientError
from domain.orders.personal_data import KeptBuyer, PersonalData
from settings import Settings

T = TypeVar("T")
DONE, NOT_FOUND, FAILED = 0, 1, 2
app = typer.Typer(help="Export, erase and re-encrypt personal data.", no_args_is_help=True)
Whose = Annotated[
    str,
    typer.Argument(
        metavar="BUYER",
        help="a purchase's id (pu_...), a buyer's id (bu_...), an e-mail address or a wallet; - reads it from stdin",
    ),
]
PersonsTenant = Annotated[str, typer.Option("--tenant", help="the tenant of an e-mail address or a wallet")]


class OpenTables(NamedTuple):
    """The tables that the commands read and change."""

    buyers: PostgresBuyers
    purchases: ReadModels
    pool: Pool
    sealing: Sealing


@app.command()
def export(
    subject: Whose, data_dir: DataDir = None, tenant: PersonsTenant = DEFAULT_TENANT, *, as_json: AsJson = False
) -> None:
    """Print all that is kept of a buyer: the personal data, and the purchases that name it."""
    document = _run(data_dir, lambda settings: _exported(settings, _subject(subject), tenant))
    if as_json:
        typer.echo(json.dumps(document, indent=2))
    else:
        for found in document["buyers"]:
            typer.echo(f"buyer {found['buyer_id']} of purchase {found['purchase_id']}, kept since {found['kept_at']}")
            for field in ("name", "email", "wallet"):
                typer.echo(f"  {field:<7}{found[field] or '-'}")
    raise typer.Exit(DONE if document["buyers"] else NOT_FOUND)


@app.command()
def erase(
    subject: Whose, data_dir: DataDir = None, tenant: PersonsTenant = DEFAULT_TENANT, *, as_json: AsJson = False
) -> None:
    """Erase the personal data of a buyer whose purchases have ended; what was sold and paid stays as it is."""
    document = _run(data_dir, lambda settings: _erased(settings, _subject(subject), tenant))
    if as_json:
        typer.echo(json.dumps(document, indent=2))
    else:
        typer.echo(f"erased {len(document['buyer_ids'])} buyers: {', '.join(document['buyer_ids']) or '-'}")
    raise typer.Exit(DONE if document["buyer_ids"] else NOT_FOUND)


@app.command()
def rotate(data_dir: DataDir = None, *, as_json: AsJson = False) -> None:
    """Encrypt every buyer with the newest key; continues where it was interrupted, and prints its progress."""
    last = _run(data_dir, _rotated)
    if as_json:
        typer.echo(json.dumps(last._asdict()))
    else:
        typer.echo(f"encrypted {last.done} buyers with the newest key; {last.left} are left")
    raise typer.Exit(FAILED if last.left else DONE)


@asynccontextmanager
async def _tables(settings: Settings) -> AsyncIterator[OpenTables]:
    sealing = Sealing(*settings.privacy.sealing, strips_tag=settings.limits.tag_is_one_buyer)
    async with open_pool(settings.postgres.url, 1, BACKGROUND) as pool:
        yield OpenTables(PostgresBuyers(pool, sealing), ReadModels(pool), pool, sealing)


async def _found(tables: OpenTables, subject: str, tenant: str) -> list[KeptBuyer]:
    if subject.startswith("pu_"):
        return await tables.buyers.of_purchase(subject)
    if subject.startswith("bu_"):
        kept = await tables.buyers.read(subject)
        return [kept] if kept else []
    named = PersonalData(email=subject) if "@" in subject else PersonalData(wallet=subject)
    return await tables.buyers.of_person(tenant, named)


async def _exported(settings: Settings, subject: str, tenant: str) -> dict[str, Any]:
    async with _tables(settings) as tables:
        return {
            "buyers": [
                {
                    "buyer_id": kept.buyer_id,
                    "purchase_id": kept.purchase_id,
                    "kept_at": kept.kept_at.isoformat(),
                    **kept.personal._asdict(),
                    "purchase": await tables.purchases.purchase(kept.purchase_id) if kept.purchase_id else None,
                }
                for kept in await _found(tables, subject, tenant)
            ]
        }


async def _erased(settings: Settings, subject: str, tenant: str) -> dict[str, Any]:
    async with _tables(settings) as tables, opened_event_store(settings.postgres.url) as store:
        found = await _found(tables, subject, tenant)
        for owner in dict.fromkeys(kept.tenant_id for kept in found):
            with acting_as(Actor(f"{owner}/cli/{getpass.getuser()}", owner)):
                await BuyerErasure(store, tables.buyers).erase([kept for kept in found if kept.tenant_id == owner])
        return {"buyer_ids": [kept.buyer_id for kept in found]}


async def _rotated(settings: Settings) -> RotationProgress:
    last = RotationProgress(0, 0)
    async with _tables(settings) as tables:
        async for last in Rotation(tables.pool, tables.sealing).run():
            typer.echo(f"{last.done} encrypted, {last.left} left", err=True)
        keys, _ = settings.privacy.sealing
        secrets = await PostgresEndpointSecrets(tables.pool, keys).seal_again()
        typer.echo(f"{secrets} secrets of webhook endpoints encrypted", err=True)
    return last


def _subject(given: str) -> str:
    """Return the argument, or a line of the standard input, which no list of processes shows."""
    return sys.stdin.readline().strip() if given == "-" else given


def _run(data_dir: Path | None, work: Callable[[Settings], Coroutine[Any, Any, T]]) -> T:
    reasons = (UnreadableError, Refusal, KeyMissingError, SealBrokenError, TransientError)
    with ends_at(*reasons, command="buyer", code=FAILED):
        return asyncio.run(work(settings_at(data_dir, "buyer")))
