"""The purchase route with only a bare workflow behind it: update-with-start and one regular activity."""

import sys
from uuid import uuid4

import uvicorn
import uvloop
from fastapi import FastAPI
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from adapters.runtime.gc_tuning import tune_gc
from api.http import problems
from api.http.requests import Key
from api.main import server_config
from api.routes.purchases import PurchaseBody
from bench.servers.bare_workflow import QUEUE, BareOpening


async def serve(port: int, temporal: str) -> None:
    """Serve until SIGTERM."""
    client = await Client.connect(temporal)
    app = FastAPI(redirect_slashes=False)
    problems.install(app)

    @app.post("/api/v1/purchases", status_code=201)
    async def buy(body: PurchaseBody, key: Key) -> dict[str, str]:
        """Open a bare checkout and return."""
        start = WithStartWorkflowOperation(
            BareOpening.run,
            id=f"bare-opening/{uuid4().hex}",
            task_queue=QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )
        await client.execute_update_with_start_workflow("open_checkout", start_workflow_operation=start)
        return {"purchase_id": key, "show_id": body.show_id, "client_secret": key}

    tune_gc()
    await uvicorn.Server(server_config(app, "127.0.0.1", port)).serve()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
