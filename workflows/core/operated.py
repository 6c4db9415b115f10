"""The base of every workflow: its status, its calls of activities, and the acts that each one takes."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from temporalio import workflow

from activities.access.operator_acts import OperatorActivities, RecordAct
from activities.core.acts import RETRY_NOW, ActKind, OperatorAct, RetryNow
from workflows.core.activity_calls import STORE, ActivityCaller, RefusedStep
from workflows.core.acts import acts_of, operator_act, refuse
from workflows.core.operator_status import OperatorStatus, OperatorView
from workflows.core.runs.long_runs import RunHistory
from workflows.core.saga import drain
from workflows.core.task_queue import first_stage_of

GIVEN_UP = "given-up"


class Operated:
    """Shows the workflow to operators, and takes their acts; the answer to each is a sentence about its outcome."""

    def __init__(self, purchase_id: str = "") -> None:
        self._acts = acts_of(type(self))
        self._status = OperatorStatus(first_stage_of(type(self)), self._possible_acts)
        self._history = RunHistory()
        self._caller = ActivityCaller(self._status, self._history)
        # A step that is given up does not give up the record of that.
        self._recorder = ActivityCaller(self._status, self._history)
        self._purchase_id = purchase_id
        self._is_over = False

    @property
    def operator_stage(self) -> str:
        """The stage that an act must name."""
        return self._status.stage

    @workflow.query(
        name="operator_status", description="The stage, the needs of an operator, and the acts possible now"
    )
    def operator_status(self, *_: object) -> OperatorView:
        """Return the stage, the needs, and the acts that would be accepted now."""
        return self._status.view()

    def _cannot_retry(self) -> str | None:
        """Return why nothing can be tried now; a workflow that looks at intervals can always look."""
        if self._is_over:
            return "the workflow has ended"
        return None if self._status.needs else "nothing waits to be tried again"

    @operator_act(RETRY_NOW, lambda self: self._cannot_retry())  # a workflow may have its own
    def retry_now(self, _: RetryNow) -> str:
        """Try now, without the pause."""
        self._caller.retry_now()
        self._recorder.retry_now()
        self._look_now()
        return "It is tried now."

    def _look_now(self) -> None:
        """Look at what the workflow waits for; without a wait of its own there is nothing to do."""

    async def record_act(self, kind: ActKind[Any], act: OperatorAct, values: Mapping[str, str]) -> str:
        """Record an accepted act with its effect on events, through any outage; return a sentence about the effect.

        An effect that a rule refuses is refused to the operator.
        """
        info = workflow.current_update_info()
        record = RecordAct(
            workflow_id=workflow.info().workflow_id,
            update_id=info.id if info is not None else "",
            act=kind.name,
            operator=act.operator,
            reason=act.reason,
            stage=act.stage,
            details={**{name: _text(getattr(act, name)) for name in kind.own_fields}, **values},
            purchase_id=self._purchase_id,
        )
        summary = f"record {record.act} of operator {record.operator}"
        try:
            return await self._recorder.call(OperatorActivities.record_act, record, STORE, summary)
        except RefusedStep as refused:
            refuse(f"{kind.name} is not possible: {refused.message}")

    async def _stop_following(self, *steps: str) -> str:
        """Give up the steps of a matter that nobody follows any more."""
        for step in steps:
            self._caller.give_up(RefusedStep(GIVEN_UP, "an operator gave it up"), step)
        self._look_now()
        return "Nobody follows it until there is news of it."

    async def _end(self, stage: str, text: str) -> None:
        """Show the end, and finish."""
        self._status.set_stage(stage, text)
        await self._finish()

    async def _finish(self) -> None:
        """Take no more acts, and let those that are under way come to their end."""
        self._is_over = True
        self._history.close()
        await self._drained()

    def next_input(self, start: Any) -> Any:
        """Return the input of the next run: the same, as the events say what is done."""
        return start

    async def leave_run(self) -> None:
        """Let updates that are under way come to their end, and show no needs of this run."""
        self._history.ends = True
        await self._drained()
        for need in self._status.needs:
            self._status.clear_need(need.step)

    async def _drained(self) -> None:
        """Let the handlers that are under way come to their end, before the run ends or continues as new."""
        await drain(workflow.wait_condition(workflow.all_handlers_finished))

    def _possible_acts(self) -> list[ActKind[Any]]:
        """Return the acts that are possible now, the harmless one first."""
        possible = [kind for kind, guard in self._acts.values() if guard(self) is None]
        return sorted(possible, key=lambda kind: kind is not RETRY_NOW)


class Watching(Operated):
    """Looks at something outside at intervals, and at once when it is woken; until its end it can be woken."""

    def __init__(self, purchase_id: str = "") -> None:
        super().__init__(purchase_id)
        self._woken = False

    def _cannot_retry(self) -> str | None:
        return "the workflow has ended" if self._is_over else None

    def _look_now(self) -> None:
        self._woken = True

    async def _rest(
        self, pause: timedelta | float | None, summary: str, until: Callable[[], bool] | None = None
    ) -> bool:
        """Wait until it is woken, or for `until` instead; return False when the pause was over first."""
        try:
            await workflow.wait_condition(until or (lambda: self._woken), timeout=pause, timeout_summary=summary)
        except TimeoutError:
            return False
        return True


class ToldOfNews(Watching):
    """Is woken by a signal too."""

    @workflow.signal(name="look_again", description="For machines: something has changed; operators use retry_now")
    def look_again(self, *_: object) -> None:
        """Look now."""
        self._woken = True


def _text(value: object) -> str:
    return "" if value is None else str(value)
