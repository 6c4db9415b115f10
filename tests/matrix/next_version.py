"""The next version of each workflow: behind a patch flag it pauses before each activity."""

from datetime import timedelta
from typing import Any

from temporalio import workflow

from workflows.core.activity_calls import ActivityCaller
from workflows.core.patches import Patch
from workflows.registry import declared_workflows

FLAG = Patch("matrix-pause")


def _paused(caller: ActivityCaller) -> ActivityCaller:
    call = caller.call

    async def paused(*args: Any, **named: Any) -> Any:
        if FLAG.on():
            await workflow.sleep(timedelta(milliseconds=1))
        return await call(*args, **named)

    caller.call = paused  # type: ignore[method-assign]  # the pause is for this instance
    return caller


def _next(kind: Any) -> type:
    """Return the next version of a workflow, with the same input and result."""

    def init(self: Any, start: Any) -> None:
        kind.__init__(self, start)
        self._caller = _paused(self._caller)

    async def run(self: Any, start: Any) -> Any:
        return await kind.run(self, start)

    name = f"Next{kind.__name__}"
    for method, old in ((init, kind.__init__), (run, kind.run)):
        method.__annotations__ = old.__annotations__
        method.__name__ = old.__name__
        method.__qualname__ = f"{name}.{old.__name__}"
    made = type(kind)(
        name, (kind,), {"__module__": __name__, "__init__": workflow.init(init), "run": workflow.run(run)}
    )
    named: type = workflow.defn(name=kind.__name__)(made)
    return named


NEXT_VERSION = tuple(_next(kind) for kind in declared_workflows())
globals().update({kind.__name__: kind for kind in NEXT_VERSION})  # the sandbox imports them by name
