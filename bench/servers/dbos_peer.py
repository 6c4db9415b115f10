"""The same saga on DBOS: seven empty steps and one message, on the same PostgreSQL. Needs only `dbos`.

`python -m bench.servers.dbos_peer URL` reads a number per line, runs that many sagas at once, and prints the
completions per second.
"""

import asyncio
import sys
import time
from uuid import uuid4

from dbos import DBOS, SetWorkflowID

from adapters.runtime.gc_tuning import tune_gc

TIMEOUT_SECONDS = 60


@DBOS.step()  # type: ignore[untyped-decorator, unused-ignore]
async def do_nothing(step: str) -> str:
    """Do nothing."""
    return step


@DBOS.workflow()  # type: ignore[untyped-decorator, unused-ignore]
async def purchase() -> None:
    """Reserve, order, tickets, payment; wait for the money; confirm, mint, settle."""
    for step in ("reserve", "order", "tickets", "payment"):
        await do_nothing(step)
    await DBOS.recv_async("paid", TIMEOUT_SECONDS)
    for step in ("confirm", "mint", "settle"):
        await do_nothing(step)


async def buy() -> None:
    """Run one saga and pay at once."""
    workflow_id = uuid4().hex
    with SetWorkflowID(workflow_id):
        handle = await DBOS.start_workflow_async(purchase)
    await DBOS.send_async(workflow_id, "paid", "paid")
    await handle.get_result(polling_interval_sec=0.02)


async def serve() -> None:
    """Run the number of sagas given by each line of input."""
    DBOS.launch()
    loop = asyncio.get_running_loop()
    tune_gc()  # as in our own processes
    print("ready", flush=True)  # noqa: T201 - the bench reads it
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        began = time.perf_counter()
        await asyncio.gather(*(buy() for _ in range(int(line))))
        print(int(line) / (time.perf_counter() - began), flush=True)  # noqa: T201 - the bench reads it


if __name__ == "__main__":
    url = sys.argv[1]
    DBOS(config={"name": "peer", "system_database_url": url, "run_admin_server": False, "log_level": "ERROR"})
    asyncio.run(serve())
