"""Every answer and event of the emulator has the fields that Stripe's document requires, and null only where it may."""

from collections.abc import Iterator
from typing import Any

import pytest

from devstack.stripe.http.engine import ENDPOINTS
from devstack.stripe.webhooks import events
from tests.devstack.stripe.emulator import Emulator
from tests.devstack.stripe.required_fields import API_VERSION, NULLABLE, REQUIRED
from tests.devstack.stripe.walk import Walk, walk_through

# Maps with keys of the caller's choice, and the part of an object that an event changed.
_FREE = ("metadata", "previous_attributes", "use_stripe_sdk")


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    with Emulator(tmp_path_factory.mktemp("walk") / "state.sqlite") as emulator:
        yield walk_through(emulator)


def _name(body: dict[str, Any], path: str) -> str:
    kind = body.get("object")
    if not isinstance(kind, str):
        return path
    return f"deleted_{kind}" if body.get("deleted") else kind


def faults(value: Any, path: str = "answer") -> Iterator[str]:
    """Yield what Stripe's document does not allow in an answer, in all objects inside of it."""
    if isinstance(value, list):
        for item in value:
            yield from faults(item, f"{path}[]")
    if not isinstance(value, dict):
        return
    name = _name(value, path)
    if name in REQUIRED:
        yield from (f"{name}.{field} is missing" for field in REQUIRED[name].split() if field not in value)
        nullable = NULLABLE.get(name, "").split()
        yield from (
            f"{name}.{field} is null" for field, item in value.items() if item is None and field not in nullable
        )
    else:
        yield f"{name} is not in the list"
    for field, item in value.items():
        if field not in _FREE:
            yield from faults(item, f"{name}.{field}")


def test_every_endpoint_was_called(walk: Walk) -> None:
    """A new endpoint belongs into the walk."""
    assert [(one.method, one.path) for one in ENDPOINTS if (one.method, one.path) not in walk.endpoints] == []


def test_the_list_is_of_the_emulated_version() -> None:
    """With another API version the list is made anew."""
    assert events.API_VERSION == API_VERSION


def test_required_fields(walk: Walk) -> None:
    """No answer and no event lacks a field, or has a null that Stripe's document does not allow."""
    assert len(walk.answers) > 100
    found = {fault for answer in walk.answers for fault in faults(answer.get("error", answer), _root(answer))}
    assert sorted(found) == []


def _root(answer: dict[str, Any]) -> str:
    return "error" if "error" in answer else "answer"


def test_faults_are_found() -> None:
    """The check sees a missing field, a null, and an object that the list does not know."""
    balance = {"object": "balance", "available": [{"amount": 1}], "livemode": None, "pending": {"new": 1}}
    assert sorted(faults({"url": "/", "object": "list", "has_more": False, "data": [balance]})) == [
        "balance.available[].currency is missing",
        "balance.livemode is null",
        "balance.pending is not in the list",
    ]
