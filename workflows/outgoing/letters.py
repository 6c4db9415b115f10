"""LetterWorkflow: sends the letters that are due; while the mail server is away they wait, with growing pauses."""

from datetime import timedelta

from temporalio import workflow

from activities.core.commands import Command
from activities.core.loops import each_subject
from activities.core.task_queues import PURCHASES
from activities.sales.letters.send import LetterActivities, LetterRef, LetterSent, ListLetters
from workflows.core.activity_calls import CallPolicy, FailedStep, RefusedStep
from workflows.core.operated import Watching
from workflows.core.reasons import Reason
from workflows.core.runs.each import WorkflowEach
from workflows.core.task_queue import workflow_on
from workflows.outgoing.pauses import pause_since

AT_ONCE = 8
AWAY_AFTER = 3  # failures of the mail server in a row: then an operator is needed
SEND = CallPolicy(timedelta(seconds=90), 8, timedelta(seconds=10), heartbeat=timedelta(seconds=10))
LOOK = CallPolicy(timedelta(seconds=10), 10, timedelta(seconds=10))
STEP = "send_letter"
FAULT_CHARS_MAX = 100


class LettersInput(Command):
    """How often in a row the mail server failed in an earlier run of the same workflow, and since when."""

    failures: int = 0
    first_failed_at: float | None = None


@workflow_on(PURCHASES, name="LetterWorkflow", owner="deployment", stage="sending", restarted_by="start letters")
class LetterWorkflow(Watching):
    """Sends every letter that is due. One that its receiver refuses waits in the table, and keeps no other waiting."""

    @workflow.init
    def __init__(self, start: LettersInput) -> None:
        super().__init__()
        self._failures = start.failures
        self._first_failed_at = start.first_failed_at
        self._sent = 0
        self._each = WorkflowEach(self._status, {})

    @workflow.run
    async def run(self, start: LettersInput) -> int:  # noqa: ARG002 - part of the state
        """Return how many letters were sent, once none is due."""
        while True:
            self._history.check()
            asked = ListLetters(limit=1 if self._failures else AT_ONCE)
            found = await self._caller.call(
                LetterActivities.list_due, asked, LOOK, "list the letters that are due", forward_only=True
            )
            if not found.letters:
                break
            self._count(await self._each.run(self._send_one, found.letters))
            if self._first_failed_at is not None:
                await self._pause(self._first_failed_at)
        self._status.clear_need(STEP)
        await self._end("sent", f"{self._sent} letters were sent.")
        return self._sent

    @each_subject("send letters", lambda letter: f"{letter.event_id}/{letter.purchase_id}")
    async def _send_one(self, letter: LetterRef) -> LetterSent:
        """Try to send a letter; a step that fails by itself counts as an outage, and all letters wait."""
        try:
            return await self._caller.attempt(LetterActivities.send, letter, SEND, "send a letter")
        except (FailedStep, RefusedStep) as failure:
            fault = failure.message[:FAULT_CHARS_MAX]
            self._status.raise_need(STEP, Reason.OUTAGE, fault)
            return LetterSent(outcome="away", fault=fault)

    def _count(self, answers: list[LetterSent]) -> None:
        """Count what was sent, and how often in a row the mail server failed."""
        self._sent += sum(answer.outcome == "sent" for answer in answers)
        away = [answer.fault for answer in answers if answer.outcome == "away"]
        if away:
            self._fail(away[0])
            return
        self._failures, self._first_failed_at = 0, None
        self._status.clear_need(STEP)
        self._status.set_stage("sending", f"{self._sent} letters sent.")

    def _fail(self, fault: str) -> None:
        self._failures += 1
        if self._first_failed_at is None:
            self._first_failed_at = workflow.time()
        self._status.set_stage("retrying", f"Letters could not be sent {self._failures} times in a row: {fault}.")
        if self._failures >= AWAY_AFTER:
            self._status.raise_need(STEP, Reason.OUTAGE, f"letters wait: {fault}")

    async def _pause(self, since: float) -> None:
        """Wait before the next try, longer each time, or until an operator wants it now."""
        pause = timedelta(seconds=pause_since(self._failures, since))
        self._woken = False
        await self._rest(pause, "before the next try")

    def next_input(self, start: LettersInput) -> LettersInput:  # noqa: ARG002 - replaced
        """Go on with the same pauses."""
        return LettersInput(failures=self._failures, first_failed_at=self._first_failed_at)
