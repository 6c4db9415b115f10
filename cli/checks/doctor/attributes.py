"""`boxoffice search-attributes`: which search attributes a namespace lacks; it can make them, or says how."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Annotated

import typer
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError

from adapters.temporal.connect import connect_to_temporal
from cli.checks.doctor.engine import NOT_ALLOWED, known_attributes
from cli.command import DataDir, UnreadableError, ends_at, settings_at
from devstack.servers.temporal import SEARCH_ATTRIBUTES

COMPLETE, LACKING, UNREADABLE = 0, 1, 2


def search_attributes(
    data_dir: DataDir = None,
    *,
    create: Annotated[
        bool, typer.Option("--create", help="make the missing ones, where the cluster allows it")
    ] = False,
) -> None:
    """Compare the namespace's search attributes with those that workflows set.

    Exit code 0: complete; 1: incomplete.
    """
    with ends_at(UnreadableError, command="search-attributes", code=UNREADABLE):
        settings = settings_at(data_dir, "search-attributes")

    async def compare() -> int:
        return await completed(await connect_to_temporal(settings.temporal, {}), create=create)

    try:
        raise typer.Exit(asyncio.run(compare()))
    except (RPCError, RuntimeError) as error:
        if isinstance(error, typer.Exit):
            raise
        typer.echo(f"boxoffice search-attributes: Temporal at {settings.temporal.address}: {error}", err=True)
        raise typer.Exit(UNREADABLE) from None


async def completed(client: Client, *, create: bool) -> int:
    """Make the missing search attributes if asked to; print what is left to do, and return the exit code."""
    known = await known_attributes(client, frozenset(SEARCH_ATTRIBUTES))
    missing = {name: kind for name, kind in SEARCH_ATTRIBUTES.items() if name not in known}
    if not missing:
        typer.echo(f"complete: {', '.join(SEARCH_ATTRIBUTES)}")
        return COMPLETE
    if create and await _made(client, missing):
        typer.echo(f"made: {', '.join(missing)}")
        return COMPLETE
    why = "the cluster does not let us make them; " if create else ""
    typer.echo(f"missing in namespace {client.namespace}: {', '.join(missing)}; {why}make them with one of:")
    for line in commands(client.namespace, missing):
        typer.echo(f"  {line}")
    return LACKING


async def _made(client: Client, missing: Mapping[str, str]) -> bool:
    """Make search attributes; return False where the cluster does not allow it."""
    kinds = {name: IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{kind.upper()}") for name, kind in missing.items()}
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=kinds)
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        if error.status in NOT_ALLOWED:
            return False
        raise
    return True


def commands(namespace: str, missing: Mapping[str, str]) -> Iterator[str]:
    """Yield the commands that make search attributes: of a cluster of your own, and of Temporal Cloud."""
    own = " ".join(f"--name {name} --type {kind}" for name, kind in missing.items())
    cloud = " ".join(f"--search-attribute {name}={kind}" for name, kind in missing.items())
    yield f"temporal operator search-attribute create --namespace {namespace} {own}"
    yield f"tcld namespace search-attributes add --namespace {namespace} {cloud}"
