"""Show a workflow to operators: search attributes, current details in plain words, and the query's answer."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from temporalio import workflow

from activities.core.acts import ActKind
from activities.core.commands import Command
from workflows.core.reasons import ADVICE, Reason
from workflows.core.search_attributes import AMOUNT_MINOR, NEEDS_OPERATOR, STAGE, STUCK_SINCE


class Need(NamedTuple):
    """One need of an operator: its reason, the step that waits, the cause, and the workflow's time of its beginning."""

    reason: Reason
    step: str
    cause: str
    since: datetime


class NeedView(Command):
    """A need as the query tells it."""

    reason: Reason
    step: str
    cause: str
    since: datetime
    meaning: str
    by_itself: str


class ActView(Command):
    """An act that would be accepted now, its own fields and its cost."""

    name: str
    text: str
    cost: str
    fields: tuple[str, ...]


class OperatorView(Command):
    """The answer to the query `operator_status`: the stage to name in an act, the needs, and the acts possible now."""

    stage: str
    waits_for: str
    needs: tuple[NeedView, ...]
    acts: tuple[ActView, ...]


class OperatorStatus:
    """The stage of a workflow, the event that it waits for, and its needs of an operator.

    `possible_acts` tells which acts the workflow would accept now.
    """

    def __init__(self, stage: str, possible_acts: Callable[[], Iterable[ActKind[Any]]]) -> None:
        self.stage = stage
        self._possible_acts = possible_acts
        self._waits_for = ""
        self._needs: dict[str, Need] = {}

    @property
    def needs(self) -> tuple[Need, ...]:
        """The needs, oldest first."""
        return tuple(sorted(self._needs.values(), key=lambda need: need.since))

    def set_stage(self, stage: str, waits_for: str, amount_minor: int | None = None) -> None:
        """Show the stage and the event that the workflow waits for; with a new stage, an amount that is now known."""
        if stage != self.stage:
            amount = [] if amount_minor is None else [AMOUNT_MINOR.value_set(amount_minor)]
            workflow.upsert_search_attributes([STAGE.value_set(stage), *amount])
        self.stage, self._waits_for = stage, waits_for
        self._write()

    def raise_need(self, step: str, reason: Reason, cause: str) -> None:
        """Show that a step needs an operator; a need that lasts keeps its beginning."""
        known = self._needs.get(step)
        since = known.since if known is not None and known.reason == reason else workflow.now()
        if not self._needs:
            workflow.upsert_search_attributes([NEEDS_OPERATOR.value_set(value=True), STUCK_SINCE.value_set(since)])
        self._needs[step] = Need(reason, step, cause, since)
        self._write()

    def clear_need(self, step: str) -> None:
        """Remove the need of a step, if there is one."""
        if self._needs.pop(step, None) is None:
            return
        if not self._needs:
            workflow.upsert_search_attributes([NEEDS_OPERATOR.value_set(value=False), STUCK_SINCE.value_unset()])
        self._write()

    def view(self) -> OperatorView:
        """Return everything that an operator needs to know before an act."""
        needs = tuple(
            NeedView(**need._asdict(), meaning=ADVICE[need.reason].meaning, by_itself=ADVICE[need.reason].by_itself)
            for need in self.needs
        )
        acts = tuple(
            ActView(name=act.name, text=act.text, cost=act.cost, fields=act.own_fields) for act in self._possible_acts()
        )
        return OperatorView(stage=self.stage, waits_for=self._waits_for, needs=needs, acts=acts)

    def _write(self) -> None:
        view = self.view()
        lines = [f"**Stage:** {view.stage}", "", view.waits_for]
        for need in view.needs:
            since = need.since.isoformat(timespec="seconds")
            lines += ["", f"**Needs an operator since {since}:** `{need.reason}` at {need.step}: {need.cause}"]
            lines += ["", f"{need.meaning} {need.by_itself}"]
        if view.needs and view.acts:
            lines += ["", "**Possible now** (an update with operator, reason and stage):"]
            lines += [f"- `{act.name}` {act.text} Cost: {act.cost}" for act in view.acts]
        workflow.set_current_details("\n".join(lines))
