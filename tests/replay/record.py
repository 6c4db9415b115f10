"""`make record`: runs each scene on the real stack and writes its history, which all later code must replay.

`make golden` (`--golden`) keeps the histories and accepts the commands that the code issues when it replays them.
"""

import argparse
import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle

from devstack.stack import Stack, running_stack
from tests.fakes.pinning_rpc import MemoryBlocks, serving, settings_for
from tests.real.shop import Shop
from tests.real.up import UP
from tests.replay.golden import HISTORIES, commands, golden
from tests.replay.scenes import ALONE, SCENES, TOGETHER, Scene
from tests.replay.scenes_money import MONEY
from tests.replay.scenes_webhooks import WEBHOOKS

CLOSED_SECONDS = 30
PACE = {
    "BOXOFFICE_SAGA__POLL_SECONDS": "5",
    "BOXOFFICE_SAGA__PROCESSING_EXTENSION_SECONDS": "60",
    "BOXOFFICE_SOLANA__ROOTS_EVERY_SECONDS": "1",
    "BOXOFFICE_WEBHOOKS__ALLOW_PRIVATE": "true",
    "BOXOFFICE_WORKER__IDENTITY": "recorder",
    "BOXOFFICE_WORKER__BUILD_ID": "recorded",
}


async def record(scene: Scene, stack: Stack) -> None:
    """Run one scene and write the history of its workflow."""
    async with Shop.at(stack) as shop:
        workflow_id, _, run_id = (await scene(shop)).partition("#")
        engine = await shop.engine()
        run = engine.get_workflow_handle(workflow_id, run_id=run_id) if run_id else await first_run(engine, workflow_id)
        history = await run.fetch_history()
    text = json.dumps(without_machine(json.loads(history.to_json())), indent=1)
    path = HISTORIES / f"{scene.__name__}.json"
    path.write_text(text + "\n")
    print(f"recorded {path.name}", flush=True)  # noqa: T201 - a command prints


async def first_run(client: Client, workflow_id: str) -> WorkflowHandle[Any, Any]:
    """Return the first closed run; the relay may have started another one, which had nothing to do."""
    async with asyncio.timeout(CLOSED_SECONDS):
        while True:
            query = f'WorkflowId = "{workflow_id}" AND ExecutionStatus != "Running"'
            if runs := [run async for run in client.list_workflows(query)]:
                first = min(runs, key=lambda run: run.start_time)
                return client.get_workflow_handle(workflow_id, run_id=first.run_id)
            await asyncio.sleep(0.2)


def without_machine(value: Any) -> Any:
    """Remove the names of machines and processes from a history."""
    if isinstance(value, dict):
        kept = {key: without_machine(item) for key, item in value.items() if key != "stackTrace"}
        return {**kept, "identity": "recorder"} if "identity" in kept else kept
    return [without_machine(item) for item in value] if isinstance(value, list) else value


async def record_all(only: str) -> None:
    """Start a stack, run every scene (or those whose name contains a text), and stop the stack."""
    with tempfile.TemporaryDirectory(prefix="boxoffice-record-") as folder:
        async with (
            serving(MemoryBlocks()) as node,
            running_stack(Path(folder), env={**PACE, **settings_for(node)}, up=UP) as stack,
        ):
            for scene in (*ALONE, *MONEY, *WEBHOOKS):
                if only in scene.__name__:
                    await record(scene, stack)
            await asyncio.gather(*(record(scene, stack) for scene in TOGETHER if only in scene.__name__))


async def accept() -> None:
    """Write the commands that the code issues for every history."""
    for scene in (*SCENES, *MONEY, *WEBHOOKS):
        lines = await commands(scene.__name__)
        golden(scene.__name__).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--golden", action="store_true", help="accept the commands issued for the existing histories")
    parser.add_argument("--only", default="", help="record only scenes whose name contains this text")
    options = parser.parse_args()
    HISTORIES.mkdir(exist_ok=True)
    if not options.golden:
        asyncio.run(record_all(options.only))
    asyncio.run(accept())
