"""The registry collects every workflow, and refuses one that no worker would run."""

from types import ModuleType

import pytest
from temporalio import workflow

from workflows import registry


@workflow.defn(name="Forgotten")
class Forgotten:
    """A workflow without a task queue."""

    @workflow.run
    async def run(self) -> None:
        """End."""


def test_a_workflow_without_a_queue_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the class and the decorator that is missing."""
    module = ModuleType(Forgotten.__module__)
    module.Forgotten = Forgotten  # type: ignore[attr-defined]
    monkeypatch.setattr(registry, "modules_of", lambda _: [module])
    with pytest.raises(TypeError, match="no worker runs Forgotten: declare it with @workflow_on"):
        registry.declared_workflows.__wrapped__()
