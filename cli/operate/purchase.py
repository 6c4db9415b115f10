"""`boxoffice purchase ...`: look at a purchase through the API."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Column, Table
from temporalio.service import RPCError

from cli.command import AsJson, DataDir, UnreadableError, ends_at, settings_at
from cli.operate.listing import Listed, list_running, priced, query_of
from cli.systems import engine_of
from domain.core.transient import TransientError
from domain.money.currency import money
from settings import Settings

app = typer.Typer(help="Look at purchases.", no_args_is_help=True)
TIMEOUT_SECONDS = 10.0
NOT_FOUND = 404


@app.command()
def show(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="id (pu_...) or reference of the purchase")],
    as_json: Annotated[bool, typer.Option("--json", help="print the purchase as JSON")] = False,  # noqa: FBT002
    api: Annotated[str, typer.Option("--api", help="URL of the API")] = "",
    key_file: Annotated[Path | None, typer.Option(exists=True, help="file of an API key")] = None,
    data_dir: DataDir = None,
) -> None:
    """Show a purchase: its state, price, tickets and the timeline of its events."""
    with ends_at(UnreadableError, command="purchase", code=2):
        settings = settings_at(data_dir, "purchase")
    base, key = (api or settings.api.public_url).rstrip("/"), settings.api.development_key
    if key_file is not None:
        key = SecretStr(key_file.read_text().strip())
    if key is None:
        typer.echo(
            "boxoffice purchase: no API key; add --data-dir FOLDER of a running `boxoffice up`, or --key-file FILE",
            err=True,
        )
        raise typer.Exit(2)
    try:
        found = fetch(base, order, key.get_secret_value())
    except httpx.HTTPError as error:
        typer.echo(f"the API at {base} did not answer: {error}", err=True)
        raise typer.Exit(2) from None
    if found is None:
        typer.echo(f"purchase {order} does not exist", err=True)
        raise typer.Exit(1)
    if as_json:
        found.pop("client_secret", None)
        typer.echo(json.dumps(found, indent=2))
    else:
        picture(found, Console())


@app.command(name="list")
def list_workflows(
    show: Annotated[str, typer.Option(help="only of this show")] = "",
    venue: Annotated[str, typer.Option(help="only of this venue")] = "",
    stage: Annotated[str, typer.Option(help="only at this stage")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="workflows at most")] = 100,
    data_dir: DataDir = None,
    *,
    needs_operator: Annotated[bool, typer.Option("--needs-operator", help="only those that need an operator")] = False,
    as_json: AsJson = False,
) -> None:
    """List running workflows of purchases, refunds, late payments and disputes: the largest amounts first."""
    with ends_at(UnreadableError, RPCError, RuntimeError, ValueError, command="purchase", code=2):
        query = query_of(needs_operator=needs_operator, show=show, venue=venue, stage=stage)
        found = asyncio.run(_listed(settings_at(data_dir, "purchase"), query, limit))
    if as_json:
        typer.echo(json.dumps([one.document() for one in found], indent=2))
        return
    if not found:
        typer.echo("no such workflow runs")
    for one in found:
        typer.echo(line_of(one))


def line_of(one: Listed) -> str:
    """Return a workflow as a plain line, never cut: its id must be copyable."""
    since = one.stuck_since.isoformat(timespec="seconds") if one.stuck_since else "an unknown time"
    need = f"needs an operator since {since}" if one.needs_operator else ""
    return "  ".join(part for part in (one.order_ref, one.workflow_id, one.stage, one.amount, need) if part)


async def _listed(settings: Settings, query: str, limit: int) -> list[Listed]:
    found = await list_running(await engine_of(settings), query, limit)
    try:
        return await priced(settings.postgres.url, found)
    except TransientError as error:  # work that is stuck must be seen in an outage, too
        typer.echo(f"boxoffice purchase: {error}; amounts have no currency", err=True)
        return found


def fetch(base: str, order: str, key: str) -> dict[str, Any] | None:
    """Read a purchase from the API, by its id or reference; None when there is none.

    Raise `httpx.HTTPError` when the API does not answer.
    """
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=base, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        if not order.startswith("pu_"):
            listed = client.get("/api/v1/purchases", params={"order_ref": order, "limit": 1}).raise_for_status()
            order = next((one["purchase_id"] for one in listed.json()["items"]), order)
        answer = client.get(f"/api/v1/purchases/{order}")
    if answer.status_code == NOT_FOUND:
        return None
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def picture(found: dict[str, Any], console: Console) -> None:
    """Print a purchase for a person."""
    reason = f" ({found['end_reason']})" if found.get("end_reason") else ""
    console.print(f"[b]{found['order_ref']}[/b]  {found['purchase_id']}  {found['state']}{reason}")
    price = found.get("price")
    if price:
        names = ("subtotal", "discount", "platform_fee", "processing_fee", "total")
        amounts = ((name.replace("_", " "), price[f"{name}_minor"]) for name in names)
        console.print(", ".join(f"{name} {money(amount_minor, price['currency'])}" for name, amount_minor in amounts))
    for ticket in found["tickets"]:
        # Plain lines, never cut: addresses must be copyable.
        console.print(f"ticket {ticket['ticket_id']}  {ticket['state']}, token {ticket['token']}", soft_wrap=True)
        for label, field in (("mint", "mint_address"), ("transaction", "mint_signature")):
            console.print(f"  {label:<12}{ticket[field] or '-'}", soft_wrap=True, highlight=False)
    timeline = Table("at", "event", Column("what happened", overflow="fold"))
    for line in found["timeline"]:
        timeline.add_row(line["at"][:23], line["event"], line["text"])
    console.print(timeline)
