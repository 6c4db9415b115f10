"""The purchase saga under random schedules: it ends, and the invariants hold.

A failing schedule is printed; `SCHEDULE='{...}' python -m pytest tests/property/test_saga_properties.py` plays it
alone.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from temporalio.testing import WorkflowEnvironment

import activities.tokens.submit
from tests.fakes.engines import skipping_server
from tests.property.saga_schedules import ELSEWHERE, SCHEDULES, STEPS, Act, Schedule
from tests.property.saga_stage import Stage

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
COUNT = int(os.environ.get("SAGA_SCHEDULES", "1000" if NIGHTLY else "25"))
PHASES = tuple(Phase) if NIGHTLY else (Phase.explicit, Phase.generate)  # shrinking one takes minutes
GIVEN = os.environ.get("SCHEDULE")
SERVED_MAX = 25  # each purchase that leaves a timer behind moves a server's clock ahead by years

PAY, SLOW = Act(what="pay", at="create_intent"), Act(what="pay slowly", at="create_intent")
LATE = Act(what="decline", at="create_intent", news="late")

NO_END = "No completion event found"  # the client's error for such a history
LOST = "lost by the server"
TRIES = 2
LOST_SHARE_MAX = 0.05
LOST_OF_FEW_MAX = 4  # of twenty-five; three of fifty have been seen on a busy machine


class Theatre:
    """A server for many stages, replaced before its clock leaves this century."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._server: WorkflowEnvironment | None = None
        self._served = 0
        self.ends: Counter[str] = Counter()
        self.called: set[str] = set()

    def play(self, schedule: Schedule) -> None:
        """Play a schedule; where the server broke its own history, replace the server and play it once more.

        The time-skipping server can refuse a completed task ("invalid history builder state") when a local activity
        runs beside a timer, and then reports a workflow as closed that has no end. A real server does not:
        tests/real/test_looks.py plays the same case there.
        """
        for _ in range(TRIES):
            try:
                self.ends[self._runner.run(self._play(schedule))] += 1
            except RuntimeError as error:
                if str(error) != NO_END:
                    raise
                self.ends[LOST] += 1
                self._served = SERVED_MAX
            else:
                return

    async def _play(self, schedule: Schedule) -> str:
        if self._server is None or self._served == SERVED_MAX:
            await self._open()
        assert self._server is not None
        self._served += 1
        stage = Stage(self._server, schedule, await self._server.get_current_time())
        try:
            return await stage.play()
        finally:
            self.called |= set(stage.script.calls)

    async def _open(self) -> None:
        if self._server is not None:
            await self._server.shutdown()
        self._server = await skipping_server()
        self._served = 0

    def close(self) -> None:
        if self._server is not None:
            self._runner.run(self._server.shutdown())
        self._runner.close()


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    made = Theatre()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(activities.tokens.submit, "POLL_SECONDS", 0.01)
        yield made
    made.close()


@settings(max_examples=COUNT, phases=PHASES)
@given(schedule=st.just(Schedule.model_validate_json(GIVEN)) if GIVEN else SCHEDULES)
@example(schedule=Schedule(acts=(PAY,), given_back=True, resells=True))
@example(schedule=Schedule(acts=(PAY,), on_claim=True))
@example(schedule=Schedule(acts=(LATE,), hold_seconds=60))
@example(schedule=Schedule(acts=(SLOW,), hold_seconds=60, slow=(6, True)))
def test_whatever_breaks_the_purchase_ends_and_the_invariants_hold(theatre: Theatre, schedule: Schedule) -> None:
    """Stock, money, tickets, tokens and books agree in the end, and the end is one of the defined ones."""
    try:
        theatre.play(schedule)
    except BaseException:
        print(f"SCHEDULE='{schedule.model_dump_json(exclude_defaults=True)}'")  # noqa: T201 - shown where it failed
        raise


@pytest.mark.skipif(bool(GIVEN), reason="one schedule reaches one end")
def test_the_schedules_reach_every_end(theatre: Theatre) -> None:
    """The schedules reach sales, cancels and refusals."""
    assert set(theatre.ends) - {LOST} == {"fulfilled", "cancelled", "refused"}
    assert theatre.ends.total() >= COUNT
    assert theatre.ends[LOST] <= max(LOST_OF_FEW_MAX, COUNT * LOST_SHARE_MAX)


@pytest.mark.skipif(bool(GIVEN), reason="one schedule has its own steps")
def test_the_schedules_reach_every_step(theatre: Theatre) -> None:
    """Every activity that the purchase, its refunds and its cases of late money call has run."""
    assert set(STEPS) - theatre.called == set()
    assert not ELSEWHERE & theatre.called
