"""A temporary PostgreSQL that takes TLS connections only; the wheel's server has no TLS, so it is the machine's."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from psycopg.conninfo import make_conninfo

from devstack.servers.postgres import system_user
from devstack.supervisor.ports import free_port

START_SECONDS = "30"


class TlsServer(NamedTuple):
    """A running server: the URL that verifies it, and the certificate of an authority that did not sign it."""

    url: str
    other_authority: Path

    def with_(self, **parameters: str) -> str:
        """Return the URL with other parameters."""
        return make_conninfo(self.url, **parameters)


def programs() -> Path | None:
    """Return the folder of the machine's own PostgreSQL programs, the newest; None when there are none."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    installed = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(installed, key=lambda folder: float(folder.parent.name), default=None)


def certificate(folder: Path, name: str) -> Path:
    """Make a certificate that signs itself, valid for localhost, and its key."""
    path = folder / f"{name}.crt"
    key = ("-keyout", str(folder / f"{name}.key"), "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    subject = ("-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost", "-days", "2")
    subprocess.run(("openssl", "req", "-x509", "-nodes", *key, "-out", path, *subject), check=True, capture_output=True)
    return path


@contextmanager
def tls_postgres(folder_of_programs: Path) -> Iterator[TlsServer]:
    """Start a server that refuses every connection without TLS, and delete it in the end."""
    user, port = system_user(), free_port()
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        folder, cluster = Path(name), Path(name) / "cluster"
        cluster.mkdir()
        ours, other = certificate(folder, "server"), certificate(folder, "other")
        for path in (folder, cluster, folder / "server.key", ours):
            if user is not None:
                shutil.chown(path, user)
        folder.chmod(0o755)
        ours.with_suffix(".key").chmod(0o600)

        def run(*command: str | Path) -> None:
            subprocess.run(command, check=True, capture_output=True, user=user, cwd=folder, env={**os.environ})

        run(folder_of_programs / "initdb", "-D", cluster, "-U", "postgres", "--auth=trust", "--no-sync")
        (cluster / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\n")
        options = (
            f"-c port={port} -c listen_addresses=localhost -c unix_socket_directories= -c fsync=off"
            f" -c ssl=on -c ssl_cert_file={ours} -c ssl_key_file={ours.with_suffix('.key')}"
        )
        log = cluster / "log"
        run(folder_of_programs / "pg_ctl", "start", "-w", "-t", START_SECONDS, "-D", cluster, "-l", log, "-o", options)
        try:
            yield TlsServer(
                f"postgresql://postgres@localhost:{port}/postgres?hostaddr=127.0.0.1"
                f"&sslmode=verify-full&sslrootcert={ours}&options=-c%20application_name%3Dfrom-the-url",
                other,
            )
        finally:
            run(folder_of_programs / "pg_ctl", "stop", "-m", "immediate", "-D", cluster)
