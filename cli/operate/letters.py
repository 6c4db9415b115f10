"""`boxoffice letters list|resend`: letters to buyers that nobody took, and another try of them; for operators."""

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Column, Table

from activities.access.operator_acts import OperatorActivities, RecordAct
from activities.core.acts import OperatorAct
from adapters.database.startup import opened_event_store, utc_now
from adapters.postgres.connections import open_pool
from adapters.postgres.letters import PostgresLetters
from cli.command import AsJson, DataDir, UnreadableError, ends_at, settings_at
from domain.core.errors import Refusal
from domain.core.transient import TransientError
from domain.views.outgoing.letters import SetAsideLetter

T = TypeVar("T")
COLUMNS = ("purchase", "letter of", "state", "answer", "tries", "last try", "event")
DONE, NOT_FOUND, FAILED = 0, 1, 2
LIMIT = 1_000
POOL_SIZE = 2
SENDER, ACT, STAGE = "letters", "resend_letter", "set-aside"
app = typer.Typer(help="List letters to buyers that nobody took, and send them again.", no_args_is_help=True)
AnsweredBy = Annotated[str, typer.Option("--fault", help="only those with this last answer, such as '550 5.7.1'")]
LettersMax = Annotated[int, typer.Option(min=1, max=LIMIT, help="letters at most")]


@app.command("list")
def show(
    purchase: Annotated[str, typer.Argument(metavar="[PURCHASE]", help="only those of this purchase")] = "",
    fault: AnsweredBy = "",
    limit: LettersMax = 100,
    data_dir: DataDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the letters that are set aside, the latest first.

    Exit code 0: there are some; 1: none; 2: not readable.
    """
    found = _run(data_dir, lambda letters, _: letters.set_aside(purchase, fault, limit))
    if as_json:
        typer.echo(json.dumps([_document(letter) for letter in found], indent=2))
    else:
        table = Table(*(Column(name, overflow="fold") for name in COLUMNS))
        for one in found:
            at = one.last_at.isoformat(timespec="seconds")
            row = (one.key.purchase_id, one.type, one.state, one.fault or "", str(one.tries), at, one.key.event_id)
            table.add_row(*row)
        Console().print(table)
    raise typer.Exit(DONE if found else NOT_FOUND)


@app.command()
def resend(
    purchase: Annotated[str, typer.Argument(metavar="[PURCHASE]", help="those of this purchase")] = "",
    *,
    reason: Annotated[str, typer.Option(help="kept for ever: no names of people, no e-mail addresses")],
    operator: Annotated[str, typer.Option(help="your login; kept for ever")] = getpass.getuser().lower(),
    fault: AnsweredBy = "",
    limit: LettersMax = 100,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Send letters again that are set aside: of a purchase, or all with one answer. 0 due now, 1 none was, 2 failed.

    Each is recorded as an operator's act. What is no longer true is not sent, nor what has no address any more.
    """
    if not (purchase or fault):
        raise typer.BadParameter("name a purchase, or an answer with --fault; `boxoffice letters list` has both")

    try:
        by = OperatorAct(operator=operator, reason=reason, stage=STAGE)
    except ValidationError as refused:
        raise typer.BadParameter("; ".join(f"{one['loc'][0]}: {one['msg']}" for one in refused.errors())) from None

    async def again(letters: PostgresLetters, acts: OperatorActivities) -> list[SetAsideLetter]:
        found = await letters.set_aside(purchase, fault, limit)
        for letter in found:
            await acts.record_act(_act(letter, by))
        return [letter for letter in found if await letters.send_again(letter.key, utc_now())]

    sent = _run(data_dir, again)
    if as_json:
        typer.echo(json.dumps([_document(letter) for letter in sent], indent=2))
    else:
        for letter in sent:
            typer.echo(f"{letter.type} of {letter.key.purchase_id} is due again")
        more = "; there may be more: repeat the command" if len(sent) == limit else ""
        typer.echo(f"{len(sent)} letters are due; the workflow {SENDER} sends them within seconds{more}")
    raise typer.Exit(DONE if sent else NOT_FOUND)


def _act(letter: SetAsideLetter, by: OperatorAct) -> RecordAct:
    """Return the act on a letter; one for each time that it was set aside."""
    return RecordAct(
        workflow_id=SENDER,
        update_id=f"{letter.key.event_id} {letter.key.purchase_id} {letter.last_at.isoformat()}",
        act=ACT,
        operator=by.operator,
        reason=by.reason,
        stage=by.stage,
        details={"event_id": letter.key.event_id, "state": letter.state, "fault": letter.fault or ""},
        purchase_id=letter.key.purchase_id,
    )


def _document(letter: SetAsideLetter) -> dict[str, Any]:
    rest = letter._asdict()
    del rest["key"]
    return {**letter.key._asdict(), **rest, "last_at": letter.last_at.isoformat()}


def _run(data_dir: Path | None, work: Callable[[PostgresLetters, OperatorActivities], Awaitable[T]]) -> T:
    """Run work on the log of letters and the operators' acts; print why it cannot be done, and end."""

    async def run() -> T:
        url = settings_at(data_dir, "letters").postgres.url
        async with opened_event_store(url) as store, open_pool(url, POOL_SIZE) as pool:
            return await work(PostgresLetters(pool), OperatorActivities(store))

    with ends_at(Refusal, TransientError, UnreadableError, command="letters", code=FAILED):
        return asyncio.run(run())
