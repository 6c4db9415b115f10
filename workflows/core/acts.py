"""Operators' acts as updates with validators: whatever is sent is refused with a sentence, or carried out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn, TypeVar

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.core.acts import ActKind, OperatorAct

A = TypeVar("A", bound=OperatorAct)
REFUSED_ACT = "act-refused"
Guard = Callable[[Any], str | None]
Check = Callable[[Any, A], str | None]
Outcome = str | Callable[[], Awaitable[str]]


class Effect(NamedTuple):
    """The outcome of an act, and values that its record needs beside the act's own fields."""

    outcome: Outcome
    values: Mapping[str, str] = MappingProxyType({})


KIND = "__act_kind__"
GUARD = "__act_guard__"


def refuse(sentence: str) -> NoReturn:
    """Refuse an act; the caller is told the sentence."""
    benign = ApplicationErrorCategory.BENIGN  # an answer, not an incident: the web UI shows no stack trace
    raise ApplicationError(sentence, type=REFUSED_ACT, non_retryable=True, category=benign)


def read_act(kind: ActKind[A], given: Sequence[Any]) -> A:
    """Return the one model that an act takes; refuse anything else with a sentence."""
    fields = ", ".join(kind.model.model_fields)
    if len(given) != 1 or not isinstance(given[0], dict):
        count = f"{len(given)} inputs" if len(given) != 1 else f"a {type(given[0]).__name__}"
        refuse(f"{kind.name} takes one JSON object with the fields {fields}; got {count}")
    try:
        return kind.model.model_validate(given[0])
    except ValidationError as invalid:
        faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in invalid.errors())
        refuse(f"{kind.name} takes one JSON object with the fields {fields}: {faults}")


def operator_act(
    kind: ActKind[A], guard: Guard, check: Check[A] | None = None
) -> Callable[[Callable[[Any, A], Outcome | Effect]], Any]:
    """Make a method the update of an act.

    The method takes effect at once, without a wait, so that nothing can come between its checks and its effect. It
    returns a sentence about the outcome, or a function that waits for the outcome, after the act is recorded.
    `guard` returns why the workflow cannot take the act now, or None; `check` returns a fault of its own fields.
    """

    def declare(carry_out: Callable[[Any, A], Outcome | Effect]) -> Any:
        def validate(self: Any, *given: Any) -> None:
            act = read_act(kind, given)
            if act.stage != self.operator_stage:
                refuse(f"the stage is {self.operator_stage} by now, not {act.stage}: look again")
            fault = guard(self) or (check(self, act) if check is not None else None)
            if fault is not None:
                refuse(f"{kind.name} is not possible: {fault}")

        async def handle(self: Any, *given: Any) -> str:
            act = read_act(kind, given)
            carried = carry_out(self, act)
            outcome, values = carried if isinstance(carried, Effect) else Effect(carried)
            recorded: str = await self.record_act(kind, act, values)
            told = outcome if isinstance(outcome, str) else await outcome()
            return recorded or told

        update: Any = workflow.update(name=kind.name, description=kind.description)(handle)
        update.validator(validate)
        setattr(update, KIND, kind)
        setattr(update, GUARD, guard)
        return update

    return declare


def acts_of(workflow_class: type) -> dict[str, tuple[ActKind[Any], Guard]]:
    """Return the acts that a workflow takes, by name, each with its guard."""
    members = (getattr(workflow_class, name) for name in dir(workflow_class))
    found = ((getattr(member, KIND, None), getattr(member, GUARD, None)) for member in members)
    return {kind.name: (kind, guard) for kind, guard in found if kind is not None and guard is not None}
