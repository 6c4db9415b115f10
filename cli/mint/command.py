"""`boxoffice mint`: one group with a file per command."""

import typer

from cli.mint import rotate_keys, status

app = typer.Typer(help="Watch minting, and rotate its keys.", no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add this group of commands to the console script."""
    rotate_keys.register(app)
    status.register(app)
    root.add_typer(app, name="mint")
