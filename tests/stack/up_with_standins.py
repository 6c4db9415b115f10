"""`boxoffice up` with stand-ins for our own parts; `STANDIN_BROKEN=worker` makes one of them fail.

`STANDIN_DETOUR=1` puts the real proxy between them and the world.
"""

import functools
import os
import sys
from pathlib import Path

import typer

import cli.up
from devstack.config import Programs, StackConfig

STANDIN = (sys.executable, str(Path(__file__).parent / "standin.py"))
BROKEN = os.environ.get("STANDIN_BROKEN")
ROLES = ("stripe", "chain", "worker", "projector", "api")
PROXY = (sys.executable, "-m", "devstack.proxy") if os.environ.get("STANDIN_DETOUR") else ()
PROGRAMS = Programs(**{role: (*STANDIN, "broken" if role == BROKEN else role) for role in ROLES}, proxy=PROXY)

if __name__ == "__main__":
    cli.up.StackConfig = functools.partial(StackConfig, programs=PROGRAMS)
    app = typer.Typer()
    cli.up.register(app)
    app()
