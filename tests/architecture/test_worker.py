"""Every declared activity and workflow has a worker, and workflows call no others."""

import ast
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any, cast

import pytest
from pydantic import SecretStr
from temporalio import activity

from activities.books.post import BooksActivities
from activities.core.task_queues import MINT, PURCHASES, STRIPE, activity_on, queues_of
from activities.registry import Activities, all_queues, declared_activities
from assembly.activities import assemble
from settings import Settings
from settings.check import ISSUER_SECRET, QUEUE_NEEDS, STRIPE_KEY
from settings.groups import SolanaSettings
from tests.architecture.test_tidy import ROOT, Module
from tests.fakes.identity import DEPLOYMENT
from workflows.core.activity_calls import STRIPE_LOCAL_FIRST, ActivityCaller
from workflows.core.operator_status import OperatorStatus
from workflows.core.runs.long_runs import RunHistory
from workflows.registry import declared_workflows, workflows_on

OWNERS = {one.owner.__name__: one.owner for one in declared_activities()}
SECRET = SecretStr("11" * 32)


def aliases(tree: ast.Module) -> dict[str, str]:
    """Return the local names of activity classes in a module."""
    found = {name: name for name in OWNERS}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            pairs = (
                zip(target.elts, value.elts, strict=True)
                if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
                else [(target, value)]
            )
            for to, of in pairs:
                if isinstance(to, ast.Name) and isinstance(of, ast.Name) and of.id in OWNERS:
                    found[to.id] = of.id
    return found


def called_without_worker(module: Module) -> Iterator[str]:
    """Report calls of methods that are no activities, on classes with activities."""
    known = aliases(module.tree)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
            owner = OWNERS[known[node.value.id]]
            if not hasattr(getattr(owner, node.attr, None), "__task_queues__"):
                home = f"{owner.__module__.replace('.', '/')}.py"
                yield f"{module.path}:{node.lineno} no worker runs {owner.__name__}.{node.attr} of {home}"


def classes_without_activities(module: Module) -> Iterator[str]:
    """Report imported activity classes that declare no activity."""
    for node in module.tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("activities."):
            for alias in node.names:
                if alias.name.endswith("Activities") and alias.name not in OWNERS:
                    yield f"{module.path}:{node.lineno} no worker runs {alias.name}: it declares no activity"


def room() -> list[Module]:
    paths = sorted((ROOT / "workflows").rglob("*.py"))
    return [Module(str(path.relative_to(ROOT)), path.read_text()) for path in paths]


def test_workflows_call_only_what_a_worker_runs() -> None:
    """Every activity that a workflow calls is declared, so a worker runs it."""
    assert [trouble for module in room() for trouble in called_without_worker(module)] == []
    assert [trouble for module in room() for trouble in classes_without_activities(module)] == []


def test_a_call_without_a_worker_is_found() -> None:
    """A method that is no activity is found under any alias, and so is a class without activities."""
    text = (
        "from activities.sales.order import SalesActivities, PlainActivities\n"
        "a, sales = 1, SalesActivities\nsales.vanished\nSalesActivities.place_order\nSalesActivities.gone\n"
    )
    module = Module("workflows/x.py", text)
    assert list(called_without_worker(module)) == [
        "workflows/x.py:3 no worker runs SalesActivities.vanished of activities/sales/order.py",
        "workflows/x.py:5 no worker runs SalesActivities.gone of activities/sales/order.py",
    ]
    assert list(classes_without_activities(module)) == [
        "workflows/x.py:1 no worker runs PlainActivities: it declares no activity"
    ]


async def test_production_has_an_instance_of_every_class() -> None:
    """`assembly/activities.py` builds an instance of every activity class, each on its declared queues."""
    settings = Settings(_env_file=None, solana=SolanaSettings(issuer_secret=SECRET, address_secret=SECRET))
    async with AsyncExitStack() as closing:
        activities = assemble(settings, DEPLOYMENT, cast("Any", None), cast("Any", None), closing)
    for one in declared_activities():
        for queue in all_queues():
            names = [activity._Definition.must_from_callable(method).name for method in activities.on(queue)]
            assert (one.name in names) is (queue in one.queues)


@pytest.mark.parametrize("queue", all_queues())
async def test_a_worker_of_one_queue_needs_only_its_secrets(queue: str) -> None:
    """The worker of a queue has every activity of it, without the secrets of the others."""
    solana = SolanaSettings(issuer_secret=SECRET, address_secret=SECRET) if queue == MINT else SolanaSettings()
    assert (ISSUER_SECRET in QUEUE_NEEDS[queue], STRIPE_KEY in QUEUE_NEEDS[queue]) == (
        queue == MINT,
        queue in {PURCHASES, STRIPE},
    )
    settings = Settings(_env_file=None, solana=solana)
    async with AsyncExitStack() as closing:
        activities = assemble(settings, DEPLOYMENT, cast("Any", None), cast("Any", None), closing, [queue])
    assert len(activities.on(queue)) == sum(queue in one.queues for one in declared_activities())


def test_every_queue_declares_its_needs() -> None:
    """The list of needs names every task queue, and no other."""
    assert QUEUE_NEEDS.keys() ^ set(all_queues()) == set(), "QUEUE_NEEDS in settings/check.py has other queues"


def test_a_class_without_an_instance_is_reported() -> None:
    """A worker without an instance of a class, or with one of another class, does not start."""
    with pytest.raises(TypeError, match=r"run settle_mint, settle_sale: .* instance of BooksActivities"):
        Activities(*(object.__new__(owner) for owner in OWNERS.values() if owner is not BooksActivities))
    with pytest.raises(TypeError, match="str declares no activity"):
        Activities(*(object.__new__(owner) for owner in OWNERS.values()), "another")


def test_an_activity_names_its_queue() -> None:
    """A function without a queue cannot be called or run as an activity."""

    async def plain() -> None: ...

    with pytest.raises(TypeError, match=r"no worker runs .*plain: declare it with @activity_on"):
        queues_of(plain)
    assert queues_of(activity_on("stripe", name="plain", local_first=True)(plain)) == ("stripe", PURCHASES)


async def test_only_local_first_activities_are_called_locally() -> None:
    """A local call of any other activity raises at once."""
    (owner,) = {one.owner for one in declared_activities() if one.name == "cancel_payment"}
    caller = ActivityCaller(OperatorStatus("calling", tuple), RunHistory())
    with pytest.raises(TypeError, match=r"cancel_payment is called locally: declare it with local_first=True"):
        await caller.call(owner.cancel_payment, None, STRIPE_LOCAL_FIRST, "")  # type: ignore[attr-defined]


def test_every_workflow_is_on_a_queue_that_is_polled() -> None:
    """Each declared workflow has a worker, and no workflow is undeclared."""
    run = [kind for queue in all_queues() for kind in workflows_on(queue)]
    assert sorted(run, key=str) == sorted(declared_workflows(), key=str)
    defined = {
        f"{module.path.removesuffix('.py').replace('/', '.')}.{node.name}"
        for module in room()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and node.name.endswith("Workflow")
    }
    assert {f"{kind.__module__}.{kind.__qualname__}" for kind in declared_workflows()} == defined
