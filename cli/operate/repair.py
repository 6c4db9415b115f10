"""`boxoffice repair`: one act on many workflows, the largest amounts first, until the first surprise."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from pydantic import ValidationError
from temporalio.client import Client, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.service import RPCError

from adapters.temporal.query_guard import ask
from cli.command import AsJson, DataDir, UnreadableError, ends_at, settings_at
from cli.operate.listing import Listed, list_running, priced
from cli.systems import engine_of
from domain.core.transient import TransientError

ACTED, SURPRISED, UNREADABLE = 0, 1, 2
LIMIT = 1_000


class Act(NamedTuple):
    """An act and its fields, without the stage, which each workflow has of its own."""

    name: str
    fields: dict[str, str]


class Repaired(NamedTuple):
    """The outcome for one workflow: `would`, `done`, `skipped` (it takes no such act now) or `surprise`."""

    workflow: Listed
    outcome: str
    text: str

    def document(self) -> dict[str, Any]:
        """Return it as a document of `--json`."""
        return {**self.workflow.document(), "outcome": self.outcome, "text": self.text}


def outcome_of(step: Repaired) -> str:
    """Return an outcome as a plain line."""
    subject = " ".join(filter(None, (step.workflow.workflow_id, step.workflow.amount)))
    return f"{step.outcome:<9}{subject}: {step.text}"


def repair(
    query: Annotated[str, typer.Option(help="Temporal query of the workflows, e.g. 'NeedsOperator = true'")],
    act: Annotated[str, typer.Option(help="act of docs/acts.md, e.g. retry_now")],
    operator: Annotated[str, typer.Option(help="your login; it is stored for ever")],
    reason: Annotated[str, typer.Option(help="why; it is stored for ever")],
    *,
    field: Annotated[list[str] | None, typer.Option(help="own field of the act, NAME=VALUE; may be repeated")] = None,
    rate: Annotated[float, typer.Option(min=0.01, max=50, help="acts a second")] = 2.0,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT, help="workflows at most")] = LIMIT,
    data_dir: DataDir = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be done, and do nothing")] = False,
    as_json: AsJson = False,
) -> None:
    """Do one act on many workflows.

    Exit code 0: done; 1: stopped at a surprise; 2: not readable.
    """
    pairs = [one.partition("=") for one in field or ()]
    wanted = Act(act, {"operator": operator, "reason": reason, **{name: value for name, _, value in pairs}})
    with ends_at(
        UnreadableError, RPCError, TransientError, RuntimeError, ValidationError, command="repair", code=UNREADABLE
    ):
        steps = asyncio.run(_repair(data_dir, query, limit, wanted, None if dry_run else 1 / rate))
    if as_json:
        typer.echo(json.dumps([step.document() for step in steps], indent=2))
    else:
        for step in steps:
            typer.echo(outcome_of(step))
        typer.echo(f"{sum(step.outcome in {'would', 'done'} for step in steps)} of {len(steps)} workflows")
    raise typer.Exit(SURPRISED if any(step.outcome == "surprise" for step in steps) else ACTED)


async def _repair(
    data_dir: Path | None, query: str, limit: int, act: Act, pause_seconds: float | None
) -> list[Repaired]:
    settings = settings_at(data_dir, "repair")
    client = await engine_of(settings)
    found = await priced(settings.postgres.url, await list_running(client, query, limit))
    return await repaired(client, found, act, pause_seconds)


async def repaired(client: Client, found: list[Listed], act: Act, pause_seconds: float | None) -> list[Repaired]:
    """Act on each workflow in turn, with a pause between; without a pause say what would be done."""
    steps: list[Repaired] = []
    for workflow in found:
        steps.append(await _one(client, workflow, act, is_dry=pause_seconds is None))
        if steps[-1].outcome == "surprise":
            break
        if pause_seconds is not None and steps[-1].outcome == "done":
            await asyncio.sleep(pause_seconds)
    return steps


async def _one(client: Client, workflow: Listed, act: Act, *, is_dry: bool) -> Repaired:
    """Act in the stage that the workflow is in now; what it refuses although it offered it is a surprise."""
    handle = client.get_workflow_handle(workflow.workflow_id)
    try:
        seen: dict[str, Any] = await ask(handle, "operator_status")
        offered = {one["name"]: one["cost"] for one in seen["acts"]}
        if act.name not in offered:
            return Repaired(workflow, "skipped", f"at {seen['stage']} it takes {', '.join(offered) or 'no act'}")
        if is_dry:
            return Repaired(workflow, "would", f"{act.name} at {seen['stage']}. Cost: {offered[act.name]}")
        return Repaired(workflow, "done", await handle.execute_update(act.name, {**act.fields, "stage": seen["stage"]}))
    except WorkflowUpdateFailedError as refused:
        return Repaired(workflow, "surprise", str(refused.cause))
    except (WorkflowQueryFailedError, RPCError, TimeoutError) as error:
        return Repaired(workflow, "surprise", f"{type(error).__name__}: {error}")
