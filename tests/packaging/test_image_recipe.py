"""The recipes of the image and of the databases do what they say: their own lines are run, without Docker."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from adapters.database.startup import open_event_store
from devstack.servers.postgres import initialise, installed, system_user
from devstack.supervisor.ports import free_port
from tests.architecture.test_compose import COMPOSE

ROOT = Path(__file__).parents[2]
PASSWORDS = {"BOXOFFICE_PASSWORD": "it's a p@ss/w:rd#?%&", "TEMPORAL_PASSWORD": "another one"}
PROGRAMS = installed() / "bin"


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[int]:
    """The port of a cluster that asks everybody on TCP for a password, prepared by the script of the compose file."""
    cluster, user = tmp_path / "cluster", system_user()
    initialise(cluster, user)
    sockets, port = tmp_path / "sockets", free_port()
    sockets.mkdir(mode=0o777)
    sockets.chmod(0o777)
    (cluster / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
    options = {"port": port, "unix_socket_directories": sockets, "listen_addresses": "127.0.0.1", "fsync": "off"}
    command = [str(PROGRAMS / "postgres"), "-D", str(cluster)]
    command += [flag for name, value in options.items() for flag in ("-c", f"{name}={value}")]
    server = subprocess.Popen(command, user=user, stderr=subprocess.DEVNULL)
    try:
        ready = [str(PROGRAMS / "pg_isready"), "--host", str(sockets), "--port", str(port)]
        while subprocess.run(ready, check=False, capture_output=True).returncode:
            assert server.poll() is None
        script = COMPOSE["configs"]["roles"]["content"].replace("$$", "$")
        path = f"{PROGRAMS}:{os.environ['PATH']}"
        env = {"PATH": path, "PGHOST": str(sockets), "PGPORT": str(port), **PASSWORDS}
        subprocess.run(["sh", "-c", script], env=env, check=True, capture_output=True)
        yield port
    finally:
        server.terminate()
        server.wait()


def test_the_roles_of_the_compose_file(guarded: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any password works without being escaped, each role has its own database alone, and ours can make its tables."""
    url = f"postgresql://boxoffice@127.0.0.1:{guarded}/boxoffice"
    monkeypatch.setenv("PGPASSWORD", PASSWORDS["BOXOFFICE_PASSWORD"])
    open_event_store(url).close()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM deployment").fetchone() is not None
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(url.removesuffix("boxoffice") + "temporal")
    monkeypatch.setenv("PGPASSWORD", PASSWORDS["TEMPORAL_PASSWORD"])
    temporal = f"postgresql://temporal@127.0.0.1:{guarded}"
    for name in ("temporal", "temporal_visibility"):
        with psycopg.connect(f"{temporal}/{name}") as connection:
            connection.execute("CREATE EXTENSION btree_gin")  # the tables of its visibility need it
            connection.execute("CREATE TABLE kept (id int)")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(f"{temporal}/boxoffice")


def lines() -> list[str]:
    """Return what the recipe runs to install Boxoffice, in order."""
    runs = re.findall(r"^RUN (.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    return [line for line in runs if "useradd" not in line and "uninstall" not in line]


@pytest.mark.nightly
def test_the_image_holds_the_product_and_no_tools(tmp_path: Path) -> None:
    """The recipe's own commands make an environment with the locked packages, Boxoffice, and nothing else."""
    source, target = tmp_path / "build", tmp_path / "opt"
    names = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    archived = subprocess.run(["tar", "-cf", "-", *names], cwd=ROOT, check=True, capture_output=True)
    source.mkdir()
    subprocess.run(["tar", "-xf", "-"], cwd=source, input=archived.stdout, check=True)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "stage"], check=True)
    stage = {**os.environ, "PATH": f"{tmp_path / 'stage' / 'bin'}:{os.environ['PATH']}"}
    stage.pop("PYTHONPATH", None)
    assert len(lines()) == 5
    for line in lines():
        command = shlex.split(line.replace("/opt", str(target)))
        subprocess.run(command, cwd=source, env=stage, check=True, capture_output=True, timeout=600)
    python = target / "boxoffice" / "bin" / "python"
    listing = "from importlib.metadata import distributions as d; print(*sorted({x.name.lower() for x in d()}))"
    found = set(subprocess.run([python, "-c", listing], check=True, capture_output=True, text=True).stdout.split())
    locked = re.findall(r"^([\w.-]+)==", (ROOT / "requirements-production.txt").read_text(), re.MULTILINE)
    assert {name.replace("_", "-") for name in found} - {"boxoffice"} <= {name.lower() for name in locked}
    assert "pip" not in found
    shown = subprocess.run([python.parent / "boxoffice", "--help"], check=True, capture_output=True, text=True)
    assert "reconcile" in shown.stdout
    doors = "import api.main, worker, projector, api.codec_server, devstack.chain.app, devstack.stripe.http.app"
    subprocess.run([python, "-c", doors], check=True, cwd=tmp_path)
