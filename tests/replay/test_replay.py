"""The code replays histories of every outcome: a change that would break running purchases fails here."""

import json

import pytest
from temporalio.worker import UnsandboxedWorkflowRunner

from activities.core.commands import MintTicket
from activities.core.task_queues import queues_of
from tests.real.next_purchase import CarelessPurchase, FlaggedPurchase
from tests.replay.golden import HISTORIES, WANTED, build_replayer, commands, difference, golden, history
from tests.replay.record import without_machine
from tests.replay.scenes import SCENES
from tests.replay.scenes_money import MONEY
from tests.replay.scenes_webhooks import WEBHOOKS
from workflows import purchase
from workflows.core import activity_calls
from workflows.core.activity_calls import BUG_PAUSE
from workflows.registry import declared_workflows

UNRESTRICTED = UnsandboxedWorkflowRunner()  # the sandbox would load the changed module anew
NAMES = sorted(scene.__name__ for scene in (*SCENES, *MONEY, *WEBHOOKS))


def home_of(name: str) -> str:
    """Return the module of the workflow that has this history."""
    started = history(name).events[0].workflow_execution_started_event_attributes.workflow_type.name
    (module,) = (kind.__module__ for kind in declared_workflows() if kind.__name__ == started)
    return f"{module.replace('.', '/')}.py"


def test_every_outcome_is_recorded() -> None:
    """Each scene has its history and its accepted commands, and there are no others."""
    assert sorted(path.stem for path in HISTORIES.glob("*.json")) == NAMES
    assert sorted(path.name.partition(".")[0] for path in HISTORIES.glob("*.jsonl")) == NAMES


def test_every_workflow_is_recorded() -> None:
    """No kind of workflow is left out."""
    started = [history(name).events[0].workflow_execution_started_event_attributes for name in NAMES]
    assert {event.workflow_type.name for event in started} == {kind.__name__ for kind in declared_workflows()}


@pytest.mark.parametrize("name", NAMES)
def test_no_history_names_its_machine(name: str) -> None:
    """Names of processes and code lines are removed from histories."""
    recorded = json.loads((HISTORIES / f"{name}.json").read_text())
    assert recorded == without_machine(recorded)


@pytest.mark.parametrize("name", NAMES)
async def test_replay(name: str) -> None:
    """The code fits the history and issues the accepted commands."""
    accepted = golden(name).read_text().splitlines()
    try:
        issued = await commands(name)
    except Exception as error:  # noqa: BLE001 - the library raises several kinds
        pytest.fail(f"{home_of(name)} no longer fits the history of {name}: {error}\n{WANTED}", pytrace=False)
    if expected := difference(name, accepted, issued):
        pytest.fail(expected, pytrace=False)


def test_a_history_names_its_module() -> None:
    """A failure says which workflow to look at."""
    assert (home_of("fulfilled"), home_of("expired")) == ("workflows/purchase.py", "workflows/purchase.py")


async def test_a_changed_workflow_is_caught() -> None:
    """A history without one of its steps does not fit the code."""
    changed = history("fulfilled", '"confirm_seats"', '"confirm_other"')
    result = await build_replayer().replay_workflow(changed, raise_on_replay_failure=False)
    assert result.replay_failure is not None


def dearer(subject: str) -> type:
    """Return a subclass of a command model that changes an argument."""

    class Changed(MintTicket):
        def __init__(self, **fields: object) -> None:
            super().__init__(**{**fields, "ticket_id": subject})

    return Changed


async def test_a_change_behind_a_flag_fits_and_a_careless_one_does_not() -> None:
    """A waiting purchase continues through a flagged change, and not through an unflagged one."""
    for build, fits in ((FlaggedPurchase, True), (CarelessPurchase, False)):
        result = await build_replayer([build]).replay_workflow(history("expired"), raise_on_replay_failure=False)
        assert (result.replay_failure is None) is fits


@pytest.mark.parametrize(
    ("name", "target", "value", "expected"),
    [
        (
            "expired",
            "STRIPE_POLICY",
            activity_calls.STRIPE_POLICY._replace(attempts=9),
            "cancel_payment: schedule_activity.retry_policy.maximum_attempts: 8 -> 9",
        ),
        (
            "fulfilled",
            "activity_calls.queues_of",
            lambda method: ("stripe",) if method.__name__ == "mint_ticket" else queues_of(method),
            "mint_ticket: schedule_activity.task_queue: mint -> stripe",
        ),
        (
            "expired",
            "STORE",
            activity_calls.STORE._replace(local=BUG_PAUSE),
            "place_order: schedule_local_activity.schedule_to_close_timeout: 3.500s -> 60s",
        ),
        ("fulfilled", "MintTicket", dearer("another"), "-> another"),
        (
            "outage",
            "activity_calls.TRANSIENT_PAUSE",
            BUG_PAUSE,
            "start_timer: start_timer.start_to_fire_timeout: 10s -> 60s",
        ),
    ],
)
async def test_what_the_replayer_does_not_see_is_caught(
    name: str, target: str, value: object, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed timeout, queue, argument or timer fits the history, but differs from the accepted commands."""
    module, attribute = (
        (activity_calls, target.partition(".")[2]) if target.startswith("activity_calls.") else (purchase, target)
    )
    monkeypatch.setattr(module, attribute, value)
    report = difference(name, golden(name).read_text().splitlines(), await commands(name, UNRESTRICTED))
    assert expected in report
    assert f"--- {name}.commands.jsonl" in report
    assert "make golden" in report


async def test_one_more_command_is_one_more_line() -> None:
    """A new command does not change the lines of later ones."""
    accepted = await commands("venue_registered")
    report = difference("venue_registered", accepted, [*accepted[:1], '{"start_timer": {}}', *accepted[1:]])
    assert [line for line in report.splitlines() if line.startswith("+{")] == ['+{"start_timer": {}}']
    assert not [line for line in report.splitlines() if line.startswith("-{")]
