"""A pooler before PostgreSQL: in session mode everything works; one that keeps no sessions is refused with a sentence.

By a pooler of the tests everywhere, and by pgbouncer itself where it is installed.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from psycopg import OperationalError
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner

from adapters.database.sessions import check_sessions
from adapters.database.startup import open_event_store, prepare
from adapters.event_store.recorder import SCHEMA_LOCK, schema_lock
from adapters.postgres.connections import BACKGROUND, REQUEST, connect, open_pool, session_settings
from adapters.postgres.faults import ConfigurationError
from cli.checks.doctor.database import read_database
from cli.main import app
from devstack.servers.postgres import system_user
from tests.contract.pooler import Mode, pooler
from tests.contract.postgres_box import database

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
REFUSED = r"pool_mode = session"
SETTINGS = ("statement_timeout", "lock_timeout", "search_path")
START_SECONDS = 10.0


@contextmanager
def pgbouncer(url: str, mode: str) -> Iterator[str]:
    """Yield the URL of a pgbouncer before the server of a URL."""
    if PGBOUNCER is None:
        pytest.skip("pgbouncer is not installed (Debian's package pgbouncer): only the tests' own pooler was asked")
    server = conninfo_to_dict(url)
    name, user = server["dbname"], server.get("user") or "postgres"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with TemporaryDirectory(prefix="pgb") as folder:
        Path(folder).chmod(0o755)
        host = f"host={server['host']} port={server.get('port') or 5432}"
        (Path(folder) / "users.txt").write_text(f'"{user}" ""\n')
        (Path(folder) / "pgbouncer.ini").write_text(
            f"[databases]\n{name} = {host} dbname={name} user={user}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {folder}/users.txt\n"
            f"pool_mode = {mode}\ndefault_pool_size = 30\nignore_startup_parameters = options,extra_float_digits\n"
        )
        as_user = ("-u", owner) if (owner := system_user()) else ()
        with subprocess.Popen(
            (PGBOUNCER, "-q", *as_user, str(Path(folder) / "pgbouncer.ini")), stderr=subprocess.DEVNULL
        ) as running:
            try:
                until = time.monotonic() + START_SECONDS
                pooled = f"postgresql://{user}@127.0.0.1:{port}/{name}?sslmode=disable"
                while True:
                    try:
                        connect(pooled, BACKGROUND).close()
                        break
                    except OperationalError:
                        if time.monotonic() > until or running.poll() is not None:
                            raise
                        time.sleep(0.05)
                yield pooled
            finally:
                running.terminate()


@pytest.fixture
def url() -> Iterator[str]:
    with database() as url:
        yield url


@pytest.fixture(params=["ours", "pgbouncer"])
def sessions_url(request: pytest.FixtureRequest, url: str) -> Iterator[str]:
    """The database behind a pooler in session mode."""
    with pooler(url, "session") if request.param != "pgbouncer" else pgbouncer(url, "session") as pooled:
        yield pooled


def test_in_session_mode_a_process_starts_and_stores(sessions_url: str) -> None:
    """Tables are made, migrated under their lock, and events are read and written by prepared statements."""
    store = open_event_store(sessions_url)
    store.close()
    answer = CliRunner().invoke(app, ["migrate", "--check"], env={"BOXOFFICE_POSTGRES__URL": sessions_url})
    assert answer.exit_code == 0, answer.output


def test_in_session_mode_locks_exclude(sessions_url: str) -> None:
    """Another process does not get the lock of the schema."""
    with schema_lock(sessions_url), connect(sessions_url, BACKGROUND) as other:
        ((got,),) = other.execute("SELECT pg_try_advisory_lock(%s)", (SCHEMA_LOCK,)).fetchall()
        assert got is False


async def test_in_session_mode_the_options_of_a_session_hold(sessions_url: str) -> None:
    """The pooler drops them from the start of a connection; each is set again, also the search path of the URL."""
    url = f"{sessions_url}&options=-csearch_path%3Dtickets"
    wanted = [("30s", "10s", "tickets")]
    query = f"SELECT {', '.join(f'current_setting({name!r})' for name in SETTINGS)}"
    with connect(url, BACKGROUND) as connection:
        assert connection.execute(query).fetchall() == wanted
    async with open_pool(url, waits=REQUEST) as pool, pool.connection() as pooled:
        assert await (await pooled.execute(query)).fetchall() == [("3s", "1s", "tickets")]


@pytest.mark.parametrize("in_turn", [False, True], ids=["the last one again", "in turn"])
@pytest.mark.parametrize(("mode", "idle"), [*(("transaction", idle) for idle in (0, 1, 2, 3, 5)), ("statement", 1)])
def test_a_pooler_that_keeps_no_sessions_is_refused(url: str, mode: Mode, idle: int, *, in_turn: bool) -> None:
    """At the start, with what to do, whatever session it lends next and however many it has."""
    with pooler(url, mode, in_turn=in_turn) as pooled:
        with ExitStack() as closing:
            for connection in [closing.enter_context(connect(pooled, BACKGROUND)) for _ in range(idle)]:
                connection.execute("SELECT 1" if mode == "statement" else "BEGIN")  # each has a session of its own
        with pytest.raises(ConfigurationError, match=REFUSED):
            prepare(pooled)


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_pgbouncer_that_keeps_no_sessions_is_refused(url: str, mode: Mode) -> None:
    """By pgbouncer itself; a process ends with exit code 2 and this sentence."""
    with pgbouncer(url, mode) as pooled:
        answer = CliRunner().invoke(app, ["migrate"], env={"BOXOFFICE_POSTGRES__URL": pooled})
    assert (answer.exit_code, REFUSED in answer.stderr) == (2, True), answer.output


def test_without_a_pooler_nothing_is_refused(url: str) -> None:
    """PostgreSQL itself announces the session's own number."""
    check_sessions(url)


def test_the_doctor_finds_such_a_pooler(url: str) -> None:
    """Also where it was put there after the start."""
    prepare(url)
    with pooler(url, "transaction") as pooled:
        assert read_database(pooled, 0.0)[0].keeps_sessions is False
    assert read_database(url, 0.0)[0].keeps_sessions is True


def test_the_options_of_a_session_are_read_as_libpq_does() -> None:
    """In all three spellings; what is no setting is left alone."""
    given = r"-c statement_timeout=30000 -csearch_path=a\ b --lock-timeout=5 -d 5"
    assert session_settings(given) == {"statement_timeout": "30000", "search_path": "a b", "lock_timeout": "5"}
