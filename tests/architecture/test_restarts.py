"""Every kind of workflow that is ended by force comes back: a loop of the relay or a schedule brings it."""

import pytest

from activities.core.loops import loop_of
from tests.architecture.loops import marked_bodies
from workflows.core.task_queue import RESTARTED_BY, SCHEDULE
from workflows.registry import declared_workflows

LOOPS = {loop_of(body).name for body in marked_bodies("relay")}
SCHEDULES = {"transfers", "pinning"}


@pytest.mark.parametrize("kind", declared_workflows(), ids=lambda kind: kind.__name__)
def test_a_workflow_has_its_rule(kind: type) -> None:
    """It names a loop of the relay that exists, or a schedule."""
    rule: str = getattr(kind, RESTARTED_BY)
    schedule = rule.removeprefix(SCHEDULE)
    assert rule in LOOPS or (rule != schedule and schedule in SCHEDULES), (
        f"{kind.__name__} comes back by {rule!r}: the relay has no such loop and there is no such schedule"
    )
