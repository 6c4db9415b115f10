"""The fields of stored events are those in `event_fields.txt`; a field that is added later has a default.

Events stored earlier have no value for it. `python -m tests.architecture.test_event_fields` adds new fields to
the file, and marks those that every stored event has with `required`.
"""

from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, cast

from eventsourcing.utils import get_topic

from domain.core.aggregate import DomainEvent
from domain.orders.order import Order
from tests.architecture.test_persisted_names import descendants, modules

FILE = Path(__file__).with_name("event_fields.txt")
HEADER = "# Fields of stored events: a new one has a default; a missing one needs an upcast.\n"


def fields_of(event: type[DomainEvent]) -> dict[str, bool]:
    """Return an event's own fields, each with whether it is required."""
    base = {field.name for field in fields(cast("Any", DomainEvent))}
    return {field.name: field.default is MISSING for field in fields(cast("Any", event)) if field.name not in base}


def stored() -> dict[str, bool]:
    """Return the fields of all events that may be stored, as `topic field`, each with whether it is required."""
    modules()
    events = {event for event in descendants(DomainEvent) if event.TOPIC}
    return {f"{get_topic(event)} {name}": required for event in events for name, required in fields_of(event).items()}


def recorded() -> dict[str, bool]:
    """Return the fields that the file lists, each with whether every stored event has it."""
    lines = [line for line in FILE.read_text().splitlines() if not line.startswith("#")]
    return {line.removesuffix(" required"): line.endswith(" required") for line in lines}


def faults(known: dict[str, bool], now: dict[str, bool]) -> list[str]:
    """Return the differences between the fields of stored events and of the code."""
    gone = [f"{field}: no longer read; upcast the stored events" for field in known.keys() - now.keys()]
    new = [f"{field}: not in {FILE.name}" for field in now.keys() - known.keys()]
    needs = [f"{field}: needs a default" for field, required in now.items() if required and not known.get(field, False)]
    topics = {field.partition(" ")[0] for field in known}
    return sorted([*gone, *new, *(fault for fault in needs if fault.partition(" ")[0] in topics)])


def test_every_stored_event_has_the_fields_that_the_code_reads() -> None:
    """New fields without a default, removed fields and unlisted fields are reported."""
    found = faults(recorded(), stored())
    assert found == [], (
        "give defaults, then run `python -m tests.architecture.test_event_fields`, which writes the file"
    )


def test_a_field_without_a_default_and_a_removed_one_are_found() -> None:
    """Every field of a new event may be required."""
    known = {"order.placed price": True, "order.placed venue_id": True}
    assert faults(known, {"order.placed price": True, "order.placed channel": True}) == [
        "order.placed channel: needs a default",
        f"order.placed channel: not in {FILE.name}",
        "order.placed venue_id: no longer read; upcast the stored events",
    ]
    assert faults(known, {**known, "order.sent to": True}) == [f"order.sent to: not in {FILE.name}"]


def test_a_default_makes_a_field_optional() -> None:
    """Only an event's own fields are listed."""

    @dataclass(frozen=True)
    class Sent(DomainEvent[Order]):
        TOPIC = ""  # never stored

        to: str
        by: str = "mail"

    assert fields_of(Sent) == {"to": True, "by": False}


if __name__ == "__main__":
    known = recorded() if FILE.exists() else {}
    now = stored()
    for fault in faults(known, now) if known else []:
        if fault.endswith("needs a default"):
            raise SystemExit(fault)
    lines = [f"{field} required" if required else field for field, required in sorted(now.items())]
    FILE.write_text(HEADER + "\n".join(lines) + "\n")
