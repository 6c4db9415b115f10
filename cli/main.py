"""The console script `boxoffice`: one typer app, whose commands are each imported when they run.

So `--help` imports none of them. A new command is a function or a group of them, and an entry here.
"""

import atexit
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup


class ListedCommand(NamedTuple):
    """A command or a group of commands: the place of its function or of its app, and its line of the help."""

    place: str
    help: str


ENTRIES = {
    "demo": ListedCommand(
        "cli.demo:demo",
        "Start the stack in a temporary directory, sell three tickets, verify them, and stop everything.",
    ),
    "up": ListedCommand("cli.stack.up:up", "Start the whole stack, keep it alive, and stop it on Ctrl-C or SIGTERM."),
    "seed": ListedCommand(
        "cli.stack.seed:seed",
        "Put a venue and three shows on sale in a running stack. Repeated, it finds the same ones.",
    ),
    "buy": ListedCommand(
        "cli.stack.buy:buy",
        "Hold tickets, and follow the steps until they can be paid; with --card pay them, and follow to the end.",
    ),
    "pay": ListedCommand(
        "cli.stack.pay:pay",
        "Pay a purchase with a test card at the stack's Stripe emulator, and follow its steps to the end.",
    ),
    "keys": ListedCommand("cli.operate.keys:app", "Create, list, rotate and revoke API keys."),
    "purchase": ListedCommand("cli.operate.purchase:app", "Look at purchases."),
    "letters": ListedCommand(
        "cli.operate.letters:app", "List letters to buyers that nobody took, and send them again."
    ),
    "operator": ListedCommand(
        "cli.checks.operator:app", "Look at a workflow and act on it; docs/acts.md has every act."
    ),
    "repair": ListedCommand(
        "cli.operate.repair:repair",
        "Do one act on many workflows.",
    ),
    "buyer": ListedCommand("cli.operate.personal_data:app", "Export, erase and re-encrypt personal data."),
    "mint": ListedCommand("cli.mint.command:app", "Watch minting, and rotate its keys."),
    "ticket": ListedCommand("cli.mint.prove:app", "Prove tickets."),
    "reconcile": ListedCommand(
        "cli.checks.reconcile:command",
        "Compare events, Stripe, chain and engine.",
    ),
    "doctor": ListedCommand(
        "cli.checks.doctor.command:doctor",
        "Examine a running system.",
    ),
    "search-attributes": ListedCommand(
        "cli.checks.doctor.attributes:search_attributes",
        "Compare the namespace's search attributes with those that workflows set.",
    ),
    "migrate": ListedCommand(
        "cli.checks.migrate:migrate",
        "Run the steps that the database lacks, and rebuild the read models where this build has others.",
    ),
    "audit": ListedCommand("cli.checks.audit.command:audit", "Draw each step's way from this code."),
    "rush": ListedCommand(
        "cli.rush.command:rush",
        "Let buyers rush for seats.",
    ),
}


@cache
def loaded(name: str) -> Any:
    """Import a command, and return it."""
    module, _, attribute = ENTRIES[name].place.partition(":")
    found = getattr(import_module(module), attribute)
    app = typer.Typer(add_completion=False)
    app.callback()(_no_options)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name)
    else:
        app.command(name=name)(found)
    group: Any = typer.main.get_command(app)
    return group.commands[name]


def _no_options() -> None:
    """Make a group also of a single command."""


class Commands(Mapping[str, Any]):
    """The commands by name; reading one imports it."""

    def __getitem__(self, name: str) -> Any:
        """Return a command, or raise `KeyError`."""
        return loaded(name)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in the order of the help."""
        return iter(ENTRIES)

    def __len__(self) -> int:
        """Return the number of commands."""
        return len(ENTRIES)


class LazyGroup(TyperGroup):
    """The group `boxoffice`, whose help is written from the list."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Commands()  # type: ignore[assignment]  # nothing is added to it

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the method of the library
        """Return the names, without an import."""
        return list(ENTRIES)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help with a line for each command, as if all were imported."""
        lines: dict[str, Any] = {name: TyperCommand(name, help=entry.help) for name, entry in ENTRIES.items()}
        TyperGroup(name=self.name, commands=lines, help=self.help, params=self.params).format_help(ctx, formatter)


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its frames could show settings
    help="Sell tickets through one durable purchase saga. The commands demo and up need the extra 'devstack', rush "
    "also the extra 'rush': pip install 'boxoffice\\[devstack,rush]'.",
)


def show_version(value: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    """Print the installed version and end."""
    if value:
        typer.echo(f"boxoffice {version('boxoffice')}")
        raise typer.Exit


@app.callback()
def boxoffice(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="show the version and exit")
    ] = False,
) -> None:
    """Declare the options of the command group."""


def main() -> NoReturn:
    """Run the command named by the arguments, and end the process with its exit code.

    Without the interpreter's teardown: a thread of Temporal's client that takes the GIL during it aborts the process,
    and 134 would stand for every exit code (temporalio/sdk-python#300).
    """
    try:
        app()
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        atexit._run_exitfuncs()  # noqa: SLF001 - the only way to run them
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code)
    raise AssertionError("unreachable: typer ends with SystemExit")


if __name__ == "__main__":
    main()
