"""Health probes: each returns when a process is healthy, and raises otherwise."""

import asyncio
import os
from pathlib import Path

import httpx

from devstack.supervisor.process import Probe

PROBE_SECONDS = 5.0
HTTP_OK = 200


class NotReadyError(RuntimeError):
    """A process runs but is not ready."""


def http_probe(url: str) -> Probe:
    """Probe by GET; status 200 is healthy.

    One client for all tries, because making one takes 20 ms of processor time; it keeps no connection.
    """
    client = httpx.AsyncClient(timeout=PROBE_SECONDS, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))

    async def probe(_pid: int) -> None:
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
