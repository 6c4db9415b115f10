"""`boxoffice operator ...`: look at a workflow, and act on it as Temporal's web UI does."""

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from temporalio.client import Client, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.core.acts import ACTS, ActKind, OperatorAct
from adapters.temporal.query_guard import ask
from cli.command import AsJson, DataDir, UnreadableError, settings_at
from cli.systems import engine_of
from settings import Settings

T = TypeVar("T")
app = typer.Typer(help="Look at a workflow and act on it; docs/acts.md has every act.", no_args_is_help=True)
REFUSED, UNREACHABLE = 1, 2
WorkflowId = Annotated[
    str, typer.Argument(metavar="ID", help="id of the workflow, such as purchase/pu_... (`boxoffice purchase list`)")
]


@app.command()
def show(workflow_id: WorkflowId, as_json: AsJson = False, data_dir: DataDir = None) -> None:  # noqa: FBT002
    """Show the stage, why an operator is needed since when, and the acts that are possible now."""
    view = _run(data_dir, workflow_id, lambda client: _view(client, workflow_id))
    if as_json:
        typer.echo(json.dumps(view, indent=2))
    else:
        picture(workflow_id, view, Console())


def _command(kind: ActKind[Any]) -> Callable[..., None]:
    """Return the command of an act."""

    def act(
        workflow_id: WorkflowId,
        *,
        stage: Annotated[str, typer.Option(help="the stage that you saw (`show`): a later one refuses the act")],
        reason: Annotated[str, typer.Option(help="kept for ever: no names of people, no e-mail addresses")],
        operator: Annotated[str, typer.Option(help="your login; kept for ever")] = getpass.getuser().lower(),
        own: Annotated[list[str], typer.Option("--set", help=f"NAME=VALUE of: {', '.join(kind.own_fields)}")] = [],  # noqa: B006
        as_json: AsJson = False,
        data_dir: DataDir = None,
    ) -> None:
        given = {
            "operator": operator,
            "reason": reason,
            "stage": stage,
            **dict(part.partition("=")[::2] for part in own),
        }
        try:
            made = kind.model.model_validate(given)
        except ValidationError as invalid:
            faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in invalid.errors())
            _leave(f"{kind.name}: {faults}", REFUSED)
        outcome = _run(data_dir, workflow_id, lambda client: _send(client, kind, workflow_id, made))
        typer.echo(
            json.dumps({"workflow_id": workflow_id, "act": kind.name, "outcome": outcome}) if as_json else outcome
        )

    act.__doc__ = f"{kind.text} Cost: {kind.cost}"
    return act


for one in ACTS.values():
    app.command(one.name.replace("_", "-"))(_command(one))


def _run(data_dir: Path | None, workflow_id: str, work: Callable[[Client], Awaitable[T]]) -> T:
    """Connect to Temporal, work, and tell a refusal or an outage in one sentence."""
    try:
        settings = settings_at(data_dir, "operator")
    except UnreadableError as reason:
        _leave(str(reason), UNREACHABLE)
    try:
        return asyncio.run(_work(settings, work))
    except WorkflowUpdateFailedError as failure:
        cause = failure.cause
        _leave(cause.message if isinstance(cause, ApplicationError) else str(cause), REFUSED)
    except WorkflowQueryFailedError as failure:
        _leave(failure.message, REFUSED)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            _leave(
                f"no workflow {workflow_id} runs; one that has ended takes no acts. Ids: boxoffice purchase list",
                REFUSED,
            )
        _leave(f"Temporal did not answer: {error.message}", UNREACHABLE)
    except RuntimeError as error:
        _leave(f"Temporal did not answer: {error}", UNREACHABLE)
    raise AssertionError("unreachable: every failure leaves")


async def _work(settings: Settings, work: Callable[[Client], Awaitable[T]]) -> T:
    return await work(await engine_of(settings))


async def _view(client: Client, workflow_id: str) -> dict[str, Any]:
    view: dict[str, Any] = await ask(client.get_workflow_handle(workflow_id), "operator_status")
    return view


async def _send(client: Client, kind: ActKind[Any], workflow_id: str, act: OperatorAct) -> str:
    outcome: str = await client.get_workflow_handle(workflow_id).execute_update(kind.name, act, result_type=str)
    return outcome


def _leave(sentence: str, code: int) -> NoReturn:
    typer.echo(f"boxoffice operator: {sentence}", err=True)
    raise typer.Exit(code)


def picture(workflow_id: str, view: dict[str, Any], console: Console) -> None:
    """Print a workflow for an operator."""
    console.print(f"[b]{workflow_id}[/b]  stage [b]{view['stage']}[/b]. {view['waits_for']}", soft_wrap=True)
    for need in view["needs"]:
        console.print(
            f"needs an operator since {need['since'][:19]}: {need['reason']} at {need['step']}", soft_wrap=True
        )
        console.print(f"  {need['cause']}", soft_wrap=True, markup=False)
        console.print(f"  {need['meaning']} {need['by_itself']}", soft_wrap=True, markup=False)
    for act in view["acts"]:
        own = "".join(f" --set {name}=..." for name in act["fields"])
        console.print(f"possible: {act['name'].replace('_', '-')}{own}", soft_wrap=True, markup=False)
        console.print(f"  {act['text']} Cost: {act['cost']}", soft_wrap=True, markup=False)
