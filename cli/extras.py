"""Optional parts of the distribution (extras): whether one is installed, and how to install it."""

import re
from importlib.metadata import PackageNotFoundError, distribution, requires

import typer

DISTRIBUTION = "boxoffice"
REQUIREMENT = re.compile(r"^(?P<name>[\w.-]+).*\bextra == ['\"](?P<extra>[\w-]+)['\"]")


def require(extra: str, command: str) -> None:
    """Exit with code 2 and the command to install, unless everything that an extra names is installed."""
    missing = [name for name in requirements_of(extra) if not _installed(name)]
    if missing:
        typer.echo(
            f"boxoffice {command}: needs the extra '{extra}' (not installed: {', '.join(missing)}). "
            f"Install it with: pip install '{DISTRIBUTION}[{extra}]', in a copy of the source pip install '.[{extra}]'",
            err=True,
        )
        raise typer.Exit(2)


def requirements_of(extra: str) -> list[str]:
    """Return the names of the distributions that an extra brings, as our own metadata declares them."""
    found = [REQUIREMENT.match(line) for line in requires(DISTRIBUTION) or ()]
    return [one["name"] for one in found if one and one["extra"] == extra]


def _installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
