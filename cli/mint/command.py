"""`boxoffice mint`: one group with a file per command."""

import typer

from cli.mint import rotate_keys, status

app = typer.Typer(help="Watch minting, and rotate its keys.", no_args_is_help=True)
app.command(name="rotate-keys")(rotate_keys.command)
app.command(name="status")(status.command)
