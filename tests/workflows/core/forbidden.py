"""A workflow that reads what may differ at a replay."""

import os
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from temporalio import workflow

READS: dict[str, Callable[[], str]] = {
    "time.time": lambda: str(time.time()),
    "datetime.datetime.now": lambda: str(datetime.now(UTC)),
    "random.random": lambda: str(random.random()),  # noqa: S311 - the sandbox refuses it
    "os.environ": lambda: os.environ["PATH"],
    "os.getenv": lambda: str(os.getenv("PATH")),
    "__builtins__.open": lambda: open(__file__).name,  # noqa: PTH123, SIM115 - the sandbox refuses it
    "pathlib.Path.read_text": lambda: Path(__file__).read_text(),
}


@workflow.defn(name="Forbidden")
class Forbidden:
    """Reads by the name of its input."""

    @workflow.run
    async def run(self, name: str) -> str:
        return READS[name]()
