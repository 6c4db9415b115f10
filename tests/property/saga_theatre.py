"""Plays schedules, one after another, on a time-skipping server that is replaced in time."""

import asyncio
from collections import Counter
from typing import Self

import pytest
from hypothesis import strategies as st
from temporalio.testing import WorkflowEnvironment

import activities.tokens.submit
from tests.fakes.engines import skipping_server
from tests.property.saga_operator import ACTS_DONE
from tests.property.saga_plots import SCHEDULES
from tests.property.saga_schedules import STEPS, Schedule
from tests.property.saga_stage import ENDED, Stage

SERVED_MAX = 25  # each purchase that leaves a timer behind moves a server's clock ahead by years
NO_END = "No completion event found"  # the client's error for such a history
LOST = "lost by the server"
TRIES = 2
LOST_SHARE_MAX = 0.05
LOST_OF_FEW_MAX = 4  # of twenty-five; three of fifty have been seen on a busy machine


class Theatre:
    """A server for many stages, replaced before its clock leaves this century."""

    examples: st.SearchStrategy[Schedule] = SCHEDULES
    shrinks = False  # one takes minutes
    wanted = frozenset({*STEPS, *ACTS_DONE, *ENDED})

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._patch = pytest.MonkeyPatch()
        self._server: WorkflowEnvironment | None = None
        self._served = 0
        self.ends: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._patch.setattr(activities.tokens.submit, "POLL_SECONDS", 0.01)
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._runner.run(self._server.shutdown())
        self._runner.close()
        self._patch.undo()

    def play(self, schedule: Schedule) -> Counter[str]:
        """Play a schedule and print it if it fails; return its end, its steps and its acts.

        Where the server broke its own history, replace the server and play it once more: the time-skipping server can
        refuse a completed task ("invalid history builder state") when a local activity runs beside a timer, and then
        reports a workflow as closed that has no end. A real server does not: tests/real/test_looks.py plays the same
        case there.
        """
        try:
            return self._played(schedule)
        except BaseException:
            print(f"SCHEDULE='{schedule.model_dump_json(exclude_defaults=True)}'")  # noqa: T201 - shown where it failed
            raise

    def _played(self, schedule: Schedule) -> Counter[str]:
        for _ in range(TRIES):
            try:
                end, done = self._runner.run(self._play(schedule))
            except RuntimeError as error:
                if str(error) != NO_END:
                    raise
                self.ends[LOST] += 1
                assert self.ends[LOST] <= max(LOST_OF_FEW_MAX, self.ends.total() * LOST_SHARE_MAX)
                self._served = SERVED_MAX
            else:
                self.ends[end] += 1
                return done + Counter([end])
        return Counter([LOST])

    async def _play(self, schedule: Schedule) -> tuple[str, Counter[str]]:
        if self._server is None or self._served == SERVED_MAX:
            await self._open()
        assert self._server is not None
        self._served += 1
        stage = Stage(self._server, schedule, await self._server.get_current_time())
        return await stage.play(), stage.script.calls + stage.operator.done

    async def _open(self) -> None:
        if self._server is not None:
            await self._server.shutdown()
        self._server = await skipping_server()
        self._served = 0
