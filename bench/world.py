"""What the bench stands on: a durable PostgreSQL of its own from the devstack, databases in it, and the empty route."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import httpx
import psycopg
from psycopg.sql import SQL, Identifier

from devstack.part import Part, bind_to_parent, tail_of
from devstack.ports import free_port
from devstack.postgres import postgres_part, postgres_url
from devstack.stack import ROOT

START_SECONDS = 60.0
PAUSE_SECONDS = 0.1
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
NUMBERS = count(1)


class NotDurableError(RuntimeError):
    """PostgreSQL would answer before the disk has it: no figure of it means anything."""


@contextmanager
def postgres(folder: Path) -> Iterator[int]:
    """Run a cluster in a folder and yield its port; what is not durable is refused."""
    port = free_port()
    part = postgres_part(folder / "cluster", port)
    with _running(part, folder / "postgres.log"):
        _until_it_answers(lambda: psycopg.connect(postgres_url(port, "postgres")).close(), folder / "postgres.log")
        check_durable(postgres_url(port, "postgres"))
        yield port


def check_durable(url: str) -> None:
    """Refuse a server that answers before the disk has it."""
    with psycopg.connect(url) as connection:
        for name in DURABLE:
            row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
            if row is None or row[0] != "on":
                raise NotDurableError(f"{name} is {row and row[0]}: nothing that is measured here would be kept")


@contextmanager
def database(port: int) -> Iterator[str]:
    """Make an empty database, yield its URL, and drop it in the end."""
    name = f"bench_{os.getpid()}_{next(NUMBERS)}"
    with psycopg.connect(postgres_url(port, "postgres"), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        yield postgres_url(port, name)
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@contextmanager
def empty_route(folder: Path) -> Iterator[int]:
    """Serve the empty route in a process of its own and yield its port."""
    port = free_port()
    with served(("bench.empty_route", str(port)), port, folder / "empty_route.log"):
        yield port


@contextmanager
def served(module: tuple[str, ...], port: int, log: Path, env: Mapping[str, str] | None = None) -> Iterator[int]:
    """Run one of our modules in a process of its own until its HTTP port answers; yields its pid."""
    with log.open("w") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", *module],
            stdout=output,
            stderr=output,
            env={**os.environ, **(env or {})},
            cwd=ROOT,
            preexec_fn=bind_to_parent(signal.SIGTERM),  # noqa: PLW1509 - so that nothing outlives the bench
        )
    try:
        _until_it_answers(lambda: httpx.get(f"http://127.0.0.1:{port}/", trust_env=False), log)
        yield child.pid
    finally:
        child.terminate()
        child.wait()


@contextmanager
def bench_world() -> Iterator[tuple[Path, int, int]]:
    """Yield a folder, PostgreSQL's port and the empty route's; all of it is gone in the end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        folder.chmod(0o755)  # the system user that PostgreSQL runs as must reach its cluster
        yield folder, stack.enter_context(postgres(folder)), stack.enter_context(empty_route(folder))


@contextmanager
def _running(part: Part, log: Path) -> Iterator[None]:
    if part.before_start is not None:
        part.before_start()
    with log.open("w") as output:
        child = subprocess.Popen(
            part.command,
            stdout=output,
            stderr=output,
            user=part.user,
            env={**os.environ, **part.env},
            preexec_fn=bind_to_parent(part.orphan_signal),  # noqa: PLW1509 - so that nothing outlives the bench
        )
    try:
        yield
    finally:
        child.send_signal(part.stop_signal)
        child.wait()


def _until_it_answers(ask: object, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            ask()  # type: ignore[operator]
        except (OSError, psycopg.Error, httpx.HTTPError):
            if time.monotonic() > until:
                raise RuntimeError(tail_of(log)) from None
            time.sleep(PAUSE_SECONDS)
        else:
            return
