"""`boxoffice mint`: one group with a file per command."""

import typer

from cli.mint import rotate_keys

app = typer.Typer(help="Rotate the keys of minting.", no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add this group of commands to the console script."""
    rotate_keys.register(app)
    root.add_typer(app, name="mint")
