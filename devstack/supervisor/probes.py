"""Health probes: each returns when a process is healthy, and raises otherwise."""

import asyncio
import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from devstack.supervisor.process import Probe

PROBE_SECONDS = 5.0
HTTP_OK = 200
# Our servers speak plain HTTP. A client that could do more reads the authorities of the system for 20 ms.
TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class NotReadyError(RuntimeError):
    """A process runs but is not ready."""


async def listens(address: str) -> None:
    """Return if somebody listens at host:port; raise otherwise. Takes a tenth of the time of a call that fails."""
    host, _, port = address.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.close()


def http_probe(url: str) -> Probe:
    """Probe by GET; status 200 is healthy.

    One client for all tries, which keeps no connection.
    """
    address = urlsplit(url).netloc
    limits = httpx.Limits(max_keepalive_connections=0)
    client = httpx.AsyncClient(timeout=PROBE_SECONDS, trust_env=False, verify=TRUSTS_NOBODY, limits=limits)

    async def probe(_pid: int) -> None:
        await listens(address)
        answer = await client.get(url)
        if answer.status_code != HTTP_OK:
            raise NotReadyError(f"GET {url} answered {answer.status_code}")

    return probe


def ready_file_probe(path: Path) -> Probe:
    """Probe a process without a port: healthy once it has written its pid to this file."""

    async def probe(pid: int) -> None:
        written = await asyncio.to_thread(path.read_text)
        if written.strip() != str(pid):
            raise NotReadyError(f"{path.name} names another process than {pid}")

    return probe


def remove_ready_file(path: Path) -> None:
    """Remove the ready file of an earlier run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)


def kill_group(pid: int, number: int) -> None:
    """Send a signal to a process group, if it still exists."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return
