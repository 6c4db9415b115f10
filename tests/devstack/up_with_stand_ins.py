"""`boxoffice up` with stand-ins for our own programs; `STAND_IN_BROKEN=worker` makes one of them fail.

`STAND_IN_PROXY=1` puts the real proxy between them and the servers.
"""

import os
import sys
from unittest.mock import patch

import typer

import cli.stack.up
from devstack.config import EARLY, Programs

STAND_IN = (*EARLY, "tests.devstack.stand_in")
BROKEN = os.environ.get("STAND_IN_BROKEN")
ROLES = ("stripe", "chain", "inbox", "worker", "projector", "api")
PROXY = (sys.executable, "-m", "devstack.proxy") if os.environ.get("STAND_IN_PROXY") else ()
PROGRAMS = Programs(**{role: (*STAND_IN, "broken" if role == BROKEN else role) for role in ROLES}, proxy=PROXY)

if __name__ == "__main__":
    app = typer.Typer()
    app.command()(cli.stack.up.up)
    with patch("cli.stack.up.Programs", lambda: PROGRAMS):
        app()
