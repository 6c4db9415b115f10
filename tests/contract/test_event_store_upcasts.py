"""Upcasts: an event of an older version is upcast on read, and its hash chain stays whole."""

from collections.abc import Callable, Iterator
from dataclasses import field, replace
from typing import Any, ClassVar

import pytest
from eventsourcing import utils

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent
from domain.core.unit_of_work import UnitOfWork
from domain.invariants.invariant import HISTORY, Findings
from domain.invariants.per_commit import History, Recorded
from tests.contract.event_stores import AT, EventStore, clock
from tests.fakes.event_store import FakeEventStore
from tests.fakes.stored import broken_link, stored_of

STREAM = "guestbook:lobby"


class GuestbookOpened(CreatedEvent["Guestbook"]):
    """The guestbook was opened."""

    TOPIC = "guestbook.opened"

    place: str


class Guestbook(Aggregate):
    """Guests and the years of their visits (0: unknown)."""

    TOPIC = "guestbook"
    STREAM_CATEGORY = "guestbook"

    place: str
    guests: list[tuple[str, int]] = field(default_factory=list)


def first_release() -> type[DomainEvent[Guestbook]]:
    """Define an event in its first version."""

    class GuestCame(DomainEvent[Guestbook]):
        TOPIC = "guestbook.guest-came"

        name: str

        def apply(self, book: Guestbook) -> None:
            book.guests.append((self.name, 0))

    return GuestCame


def second_release() -> type[DomainEvent[Guestbook]]:
    """Define the same event with a new field and a renamed one."""

    class GuestCame(DomainEvent[Guestbook]):
        TOPIC = "guestbook.guest-came"
        class_version: ClassVar[int] = 2

        guest: str
        year: int

        def apply(self, book: Guestbook) -> None:
            book.guests.append((self.guest, self.year))

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state["guest"], state["year"] = state.pop("name"), 1999

    return GuestCame


@pytest.fixture(params=["fake", "postgres"])
def store(request: pytest.FixtureRequest) -> EventStore:
    return FakeEventStore(clock) if request.param == "fake" else request.getfixturevalue("postgres")


def forget() -> None:
    """Unregister the topic, as in a new process."""
    utils._topic_cache.pop("guestbook.guest-came", None)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    forget()


def coming(event: type[DomainEvent[Guestbook]], **values: Any) -> Callable[[UnitOfWork], None]:
    return lambda uow: uow.get(Guestbook, "lobby").record(event, AT, **values)


async def written(store: EventStore) -> None:
    """Store a stream with the code of the first release."""
    first = first_release()
    await store.commit(lambda uow: uow.add(Guestbook.begin(GuestbookOpened, "lobby", AT, place="lobby")))
    for name in ("ada", "bob"):
        await store.commit(coming(first, name=name))


def broken(store: EventStore) -> list[str]:
    """Check the history of the stream as `reconcile` does."""
    findings = Findings()
    History(findings).take(Recorded(one, store.mapper.event_of(one)) for one in stored_of(store, STREAM))
    assert findings.checked[HISTORY.name] == len(stored_of(store, STREAM))
    return [violation.detail for violation in findings.violations]


async def test_an_old_event_is_upcast_and_its_chain_is_whole(store: EventStore) -> None:
    """The new code reads old and new events of one stream, and the stored bytes are unchanged."""
    await written(store)
    before = stored_of(store, STREAM)
    forget()
    second = second_release()
    assert (await store.read(lambda uow: uow.get(Guestbook, "lobby"))).guests == [("ada", 1999), ("bob", 1999)]
    await store.commit(coming(second, guest="eve", year=2026))
    assert (await store.read(lambda uow: uow.get(Guestbook, "lobby"))).guests[2:] == [("eve", 2026)]
    after = stored_of(store, STREAM)
    assert after[:3] == before
    assert b'"class_version":2' in after[3].state
    assert broken_link(after) is None
    assert broken(store) == []


async def test_an_edit_of_an_old_event_is_found_after_the_upcast(store: EventStore) -> None:
    """One changed byte of an event of the first version breaks the hash chain."""
    await written(store)
    forget()
    second_release()
    first, ada, bob = stored_of(store, STREAM)
    edited = replace(ada, state=ada.state.replace(b"ada", b"adb"))
    assert broken_link([first, edited, bob]) == 2
    history, findings = [first, edited, bob], Findings()
    History(findings).take(Recorded(one, store.mapper.event_of(one)) for one in history)
    assert [violation.detail for violation in findings.violations] == [
        "the digest of version 2 (guestbook.guest-came) differs"
    ]
