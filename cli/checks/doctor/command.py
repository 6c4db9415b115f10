"""`boxoffice doctor`: read every system, and say what is wrong with the running whole."""

import asyncio
import json
from collections.abc import Awaitable, Sequence
from typing import TypeVar

import psycopg
import typer
from temporalio.service import RPCError

from adapters.postgres.deployment import DeploymentError, read_deployment
from adapters.solana.rpc.node import WrongChainError
from adapters.stripe.errors import StripeRequestError
from cli.checks.doctor.checks import CHECKS, Finding, findings
from cli.checks.doctor.database import Registered, read_database
from cli.checks.doctor.engine import read_engine
from cli.checks.doctor.examined import Examined
from cli.checks.doctor.outside import read_chain, read_stripe
from cli.command import AsJson, DataDir
from devstack.servers.temporal import SEARCH_ATTRIBUTES
from devstack.stack import Stack
from devstack.supervisor.data_dir import STACK_FILE
from domain.core.errors import Refusal
from domain.core.ids import Deployment
from domain.core.transient import TransientError
from settings import Fault, Settings, parse_settings
from settings.check import NEEDS, PRODUCTION, faults_of

WELL, ILL, UNREADABLE = 0, 1, 2
SECONDS_MAX = 30.0
AWAY = (
    TransientError, Refusal, DeploymentError, WrongChainError, StripeRequestError, RPCError, RuntimeError, TimeoutError,
    OSError, psycopg.Error,
)  # fmt: skip
T = TypeVar("T")


def doctor(
    data_dir: DataDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Examine a running system.

    Exit code 0: well, but for warnings; 1: something is wrong; 2: no such stack.
    """
    if data_dir is not None and not (data_dir / STACK_FILE).exists():
        typer.echo(f"boxoffice doctor: no running stack in {data_dir}", err=True)
        raise typer.Exit(UNREADABLE)
    # A fault of the settings is a finding here; every other process refuses to start.
    settings, faults = parse_settings(None if data_dir is None else Stack(data_dir, 0).env)
    seen = asyncio.run(examine(settings, [*faults, *faults_of(settings, NEEDS["doctor"])]))
    found = findings(seen)
    if as_json:
        print(json.dumps(document(seen, found), indent=2))
    else:
        picture(found)
    raise typer.Exit(ILL if any(one.severity == "error" for one in found) else WELL)


async def examine(settings: Settings, faults: Sequence[Fault] = ()) -> Examined:
    """Read every part; one that is away is named, and hides no other."""
    unread = dict[str, str]()
    patience = settings.saga.processing_extension_seconds + 60.0
    read = await _part("PostgreSQL", asyncio.to_thread(read_database, settings.postgres.url, patience), unread)
    database, registered = read or (None, Registered(None, {}))
    deployment = await _part("the deployment", asyncio.to_thread(read_deployment, settings.postgres.url), unread)
    engine, stripe, chain = await asyncio.gather(
        _part("Temporal", read_engine(settings, frozenset(SEARCH_ATTRIBUTES)), unread),
        _part("Stripe", read_stripe(settings, deployment or Deployment("")), unread),
        _part("Solana", read_chain(settings, registered), unread),
    )
    return Examined(
        is_production=settings.environment == PRODUCTION,
        pins=settings.ipfs.rpc_url is not None,
        faults=tuple(faults),
        database=database,
        engine=engine,
        stripe=stripe,
        chain=chain,
        unread=unread,
    )


async def _part(name: str, reading: Awaitable[T], unread: dict[str, str]) -> T | None:
    """Return a part; None, with the reason in `unread`, when it is away."""
    try:
        async with asyncio.timeout(SECONDS_MAX):
            return await reading
    except AWAY as error:
        unread[name] = f"could not be read: {type(error).__name__}: {error}".strip(": ")
        return None


def document(seen: Examined, found: list[Finding]) -> dict[str, object]:
    """Return the document of `--json`."""
    return {
        "well": not any(one.severity == "error" for one in found),
        "findings": [one._asdict() for one in found],
        "checks": [one.__name__ for one in CHECKS],
        "read": [name for name in ("database", "engine", "stripe", "chain") if getattr(seen, name) is not None],
    }


def picture(found: list[Finding]) -> None:
    """Print the report as plain lines."""
    for one in found:
        print(f"{one.severity:<7} {one.subject}: {one.fault}\n        {one.remedy}")
    errors = sum(one.severity == "error" for one in found)
    print(
        f"{len(CHECKS)} checks: {errors} errors, {len(found) - errors} warnings"
        if found
        else f"well: {len(CHECKS)} checks"
    )
