"""`boxoffice migrate`: bring the database to this build."""

import json
from typing import Annotated

import typer

from adapters.database.migrate import schema_state
from adapters.database.rebuild import is_current, rebuild
from adapters.database.startup import or_explain, prepare
from cli.command import AsJson, DataDir, settings_at


def migrate(
    data_dir: DataDir = None,
    *,
    check: Annotated[bool, typer.Option("--check", help="change nothing; exit 1 if steps are missing")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the steps that the database lacks, and rebuild the read models where this build has others.

    Only additions: the build before goes on meanwhile. Needs a role that owns the tables; the other processes need
    only to read and write them.
    """
    url = settings_at(data_dir, "migrate").postgres.url
    if not check:
        or_explain(lambda: migrated(url))
    state = or_explain(lambda: schema_state(url))
    if as_json:
        typer.echo(json.dumps({"at": state.at, "head": state.head, "is_current": state.is_current}))
    else:
        typer.echo(str(state))
    if not state.is_current:
        raise typer.Exit(1)


def migrated(url: str) -> None:
    """Bring a database and its read models to this build."""
    prepare(url)
    if not is_current(url):
        rebuild(url)
