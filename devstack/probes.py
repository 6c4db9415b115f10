"""Health probes: each returns when a part answers, and raises when it does not."""

import asyncio
import os
from pathlib import Path

import httpx

from devstack.part import Probe

PROBE_SECONDS = 5.0
HTTP_OK = 200


class NotReadyError(RuntimeError):
    """A part runs but has not said that it is ready."""


def http_probe(url: str) -> Probe:
    """Probe a part by GET; healthy is status 200."""

    async def ask(_pid: int) -> None:
        async with httpx.AsyncClient(timeout=PROBE_SECONDS, trust_env=False) as client:
            answer = await client.get(url)
        if answer.status_code != HTTP_OK:
            raise NotReadyError(f"GET {url} answered {answer.status_code}")

    return ask


def ready_file_probe(path: Path) -> Probe:
    """Probe a part without a port: healthy once it has written its own pid to this file."""

    async def ask(pid: int) -> None:
        said = await asyncio.to_thread(path.read_text)
        if said.strip() != str(pid):
            raise NotReadyError(f"{path.name} names another process than {pid}")

    return ask


def forget_ready_file(path: Path) -> None:
    """Remove the file that an earlier run of the part has left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)


def kill_group(pid: int, number: int) -> None:
    """Send a signal to the process group of a part; nothing happens if it is gone."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return
