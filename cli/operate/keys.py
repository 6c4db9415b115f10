"""`boxoffice keys ...`: create, list, rotate and revoke API keys."""

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import typer
from rich.console import Console
from rich.table import Column, Table

from activities.access.keys import CreateKey, KeyCommands
from adapters.database.startup import opened_event_store
from adapters.postgres.connections import open_pool
from adapters.postgres.tables import PostgresKeyUses
from adapters.read_models.queries import ReadModels
from cli.command import AsJson, DataDir, UnreadableError, ends_at, settings_at
from domain.access.api_key import KeyKind, KeyText
from domain.access.subject import ALL_SCOPES, Scope
from domain.core.actor import Actor, acting_as
from domain.core.errors import Refusal
from domain.core.ids import DEFAULT_TENANT
from domain.core.transient import TransientError
from domain.views.access import KeyDocument

app = typer.Typer(help="Create, list, rotate and revoke API keys.", no_args_is_help=True)
T = TypeVar("T")
OVERLAP_SECONDS = 86_400
POOL_SIZE = 2
Tenant = Annotated[str, typer.Option(help="tenant that the keys belong to")]
KeyId = Annotated[str, typer.Argument(metavar="ID", help="id of the key: its second part")]


@app.command()
def create(
    scope: Annotated[
        list[str] | None, typer.Option(help=f"one of {', '.join(sorted(ALL_SCOPES))}; may be repeated")
    ] = None,
    label: Annotated[str, typer.Option(help="what the key is for")] = "",
    venue: Annotated[str, typer.Option(help="venue that the key is bound to; without it, the whole tenant")] = "",
    days: Annotated[int, typer.Option(min=0, help="days until it expires; 0 is never")] = 0,
    tenant: Tenant = DEFAULT_TENANT,
    data_dir: DataDir = None,
    *,
    publishable: Annotated[bool, typer.Option("--publishable", help="for browsers and apps; scope purchase")] = False,
    as_json: AsJson = False,
) -> None:
    """Create a key and print it, once: it is stored as a digest."""
    scopes = ["purchase"] if publishable and not scope else list(scope or ())
    if unknown := set(scopes) - ALL_SCOPES:
        raise typer.BadParameter(f"no such scope: {', '.join(sorted(unknown))}")
    kind: KeyKind = "publishable" if publishable else "secret"
    command = CreateKey(
        tenant_id=tenant,
        kind=kind,
        label=label,
        scopes=cast("list[Scope]", scopes),
        bound_to=venue,
        expires_at=datetime.now(UTC) + timedelta(days=days) if days else None,
    )
    _print_secret(_run(data_dir, tenant, lambda keys: keys.create(command)), as_json=as_json)


@app.command()
def rotate(
    key_id: KeyId,
    overlap_seconds: Annotated[
        int, typer.Option(min=0, help="how long the secret before is accepted, in seconds")
    ] = OVERLAP_SECONDS,
    tenant: Tenant = DEFAULT_TENANT,
    data_dir: DataDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret and print it, once; the one before is accepted for a while."""
    _print_secret(_run(data_dir, tenant, lambda keys: keys.rotate(key_id, overlap_seconds)), as_json=as_json)


@app.command()
def revoke(key_id: KeyId, tenant: Tenant = DEFAULT_TENANT, data_dir: DataDir = None) -> None:
    """End a key; every API process refuses it within five seconds."""
    _run(data_dir, tenant, lambda keys: keys.revoke(key_id))
    typer.echo(f"revoked {key_id}")


@app.command("list")
def show(tenant: Tenant = DEFAULT_TENANT, data_dir: DataDir = None, *, as_json: AsJson = False) -> None:
    """List the keys of a tenant with their last use."""
    found = _answered(_listed(data_dir, tenant))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    table = Table(Column("id", no_wrap=True), "kind", "label", "scopes", "venue", "state", "last used")
    for key in found:
        scopes = " ".join(key["scopes"])
        table.add_row(
            key["key_id"],
            key["kind"],
            key["label"],
            scopes,
            key["bound_to"],
            state_of(key),
            key["last_used_at"] or "never",
        )
    Console().print(table)


def state_of(key: KeyDocument | dict[str, Any], now: datetime | None = None) -> str:
    """Return whether a key is good: `good`, `good until` its expiry, `expired` or `revoked`."""
    if key["revoked_at"]:
        return "revoked"
    if key["expires_at"] is None:
        return "good"
    is_over = datetime.fromisoformat(key["expires_at"]) <= (now or datetime.now(UTC))
    return "expired" if is_over else f"good until {key['expires_at'][:10]}"


def _print_secret(text: KeyText, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"key_id": text.key_id, "key": str(text)}))
        return
    typer.echo(str(text))
    typer.echo(f"key {text.key_id}; this is the only time that it is shown", err=True)


def _run(data_dir: Path | None, tenant: str, act: Callable[[KeyCommands], Awaitable[T]]) -> T:
    """Run a command on the keys of a tenant, in the name of whoever runs it."""

    async def run() -> T:
        async with opened_event_store(settings_at(data_dir, "keys").postgres.url) as store:
            with acting_as(Actor(f"{tenant}/cli/{getpass.getuser()}", tenant)):
                return await act(KeyCommands(store))

    return _answered(run())


def _answered(work: Coroutine[Any, Any, T]) -> T:
    """Return the result; print why there is none, and end."""
    with ends_at(Refusal, TransientError, UnreadableError, command="keys", code=1):
        return asyncio.run(work)


async def _listed(data_dir: Path | None, tenant: str) -> list[dict[str, Any]]:
    async with open_pool(settings_at(data_dir, "keys").postgres.url, POOL_SIZE) as pool:
        uses = await PostgresKeyUses(pool).all()
        keys = await ReadModels(pool).keys(tenant)
    return [{**key, "last_used_at": uses[key["key_id"]].isoformat() if key["key_id"] in uses else None} for key in keys]
