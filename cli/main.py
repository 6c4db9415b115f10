"""The console script `boxoffice`: one typer app, a file per group of commands."""

import typer

from cli import demo, purchase, reconcile, rush, up

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its frames could show settings
    help="Sells tickets through one durable purchase saga.",
)
# Each group's file has a `register` of its own; a new group is one import and one line here.
demo.register(app)
purchase.register(app)
reconcile.register(app)
rush.register(app)
up.register(app)


@app.callback()
def boxoffice() -> None:
    """Hold the commands together."""


def main() -> None:
    """Run the command that the arguments name."""
    app()


if __name__ == "__main__":
    main()
