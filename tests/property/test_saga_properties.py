"""The purchase saga under random schedules: it ends, and the invariants hold.

A failing schedule is printed; `SCHEDULE='{...}' python -m pytest tests/property/test_saga_properties.py` plays it
alone.
"""

import os
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from activities.registry import modules_of
from cli.checks.audit.steps import steps_of
from tests.property.saga_operator import ACTS_DONE
from tests.property.saga_plots import LATE, PAY, PLOTS, SCHEDULES
from tests.property.saga_schedules import DECLARED, ELSEWHERE, NO_ACTS, NOT_PLAYED, PLAYED, STEPS, Act, Schedule
from tests.property.saga_stage import ENDED
from tests.property.saga_theatre import LOST, Theatre
from workflows.registry import declared_workflows

COUNT = 25  # at night a thousand: `python -m tests.property schedules`
PHASES = (Phase.explicit, Phase.generate)  # shrinking one takes minutes
GIVEN = os.environ.get("SCHEDULE")

SLOW = Act(what="pay slowly", at="create_intent")


class Played(NamedTuple):
    """The theatre of this module, and what its schedules reached."""

    theatre: Theatre
    reached: Counter[str]


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    with Theatre() as theatre:
        yield Played(theatre, Counter())


@settings(max_examples=COUNT, phases=PHASES)
@given(schedule=st.just(Schedule.model_validate_json(GIVEN)) if GIVEN else SCHEDULES)
@example(schedule=Schedule(acts=(PAY,), given_back=True, resells=True))
@example(schedule=Schedule(acts=(PAY,), on_claim=True))
@example(schedule=Schedule(acts=(LATE,), hold_seconds=60))
@example(schedule=Schedule(acts=(SLOW,), hold_seconds=60, slow=(6, True)))
def test_whatever_breaks_the_purchase_ends_and_the_invariants_hold(played: Played, schedule: Schedule) -> None:
    """Stock, money, tickets, tokens and books agree in the end, and the end is one of the defined ones."""
    played.reached.update(played.theatre.play(schedule))


@pytest.mark.skipif(bool(GIVEN), reason="one schedule reaches one end")
def test_the_schedules_reach_every_end(played: Played) -> None:
    """The schedules reach sales, cancels and refusals."""
    ends = set(played.theatre.ends) - {LOST}
    assert ends == ENDED
    assert played.theatre.ends.total() >= COUNT


@pytest.mark.skipif(bool(GIVEN), reason="one schedule has its own steps")
def test_the_schedules_reach_every_step(played: Played) -> None:
    """Every activity that the purchase, its refunds and its cases of late money call has run."""
    assert set(STEPS) - set(played.reached) == set()
    assert not ELSEWHERE.keys() & set(played.reached)


@pytest.mark.skipif(bool(GIVEN), reason="one schedule has its own acts")
@pytest.mark.parametrize("act", PLOTS)
def test_an_operator_acts(played: Played, act: str) -> None:
    """Each plot leads to its act, and to a defined end."""
    reached = played.theatre.play(PLOTS[act])
    assert reached[act] == 1
    assert reached["record_operator_act"] == 1


def test_no_act_workflow_or_activity_is_forgotten() -> None:
    """Each is played, or it is listed why it is not."""
    assert PLOTS.keys() == ACTS_DONE
    assert not PLOTS.keys() & NO_ACTS.keys()
    kinds = {kind.__name__ for kind in declared_workflows()}
    assert kinds == {kind.__name__ for kind in PLAYED} | NOT_PLAYED.keys()
    steps = [step for module in modules_of("workflows") for step in steps_of(module, DECLARED)]
    of_others = {step.activity for step in steps if step.workflow in NOT_PLAYED}
    assert {one.name for one in DECLARED} == set(STEPS) | of_others | ELSEWHERE.keys()
