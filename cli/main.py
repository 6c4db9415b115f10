"""The console script `boxoffice`: one typer app, a file per group of commands."""

from importlib.metadata import version
from typing import Annotated

import typer

from cli import demo, keys, personal_data
from cli.checks import migrate, operator, reconcile
from cli.checks.audit import command as audit
from cli.checks.doctor import attributes
from cli.checks.doctor import command as doctor
from cli.mint import command as mint
from cli.mint import prove
from cli.operate import purchase, repair
from cli.rush import command as rush
from cli.stack import buy, pay, seed, up

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its frames could show settings
    help="Sell tickets through one durable purchase saga. The commands demo and up need the extra 'devstack', rush "
    "also the extra 'rush': pip install 'boxoffice\\[devstack,rush]'.",
)
# Each group's file has its own `register`; a new group is one import and one line here.
audit.register(app)
demo.register(app)
attributes.register(app)
doctor.register(app)
keys.register(app)
migrate.register(app)
mint.register(app)
prove.register(app)
personal_data.register(app)
purchase.register(app)
reconcile.register(app)
operator.register(app)
repair.register(app)
rush.register(app)
buy.register(app)
pay.register(app)
seed.register(app)
up.register(app)


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


def main() -> None:
    """Run the command named by the arguments."""
    app()


if __name__ == "__main__":
    main()
