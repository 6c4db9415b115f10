"""One of three subjects fails for ever: in every loop of the relay the others have their turn, and it is shown."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.core import setbacks
from activities.core.about import About
from activities.core.follow_ups import Matter
from activities.core.loops import each_subject, loop_of
from activities.core.setbacks import PAUSE_SECONDS_MAX, Setbacks
from domain.core.transient import TransientError
from domain.payments.own_movement import OwnMovement
from domain.payments.webhook_event import WebhookEvent
from relay.each import Each, repeat
from relay.follow_ups import FollowUps
from relay.own_balance import OwnBalance
from relay.relay import BATCH_MAX, Relay
from relay.retention import Retention
from relay.schedules import Schedules
from relay.undelivered_webhooks import UndeliveredWebhooks
from tests.architecture.loops import marked_bodies
from tests.relay.gauge import Clock, Gauge

SUBJECTS = ["a", "bad", "c"]
GOOD = ["a", "c"]
MATTER = {**dict.fromkeys(Matter.model_fields, ""), "kind": "dispute", "attempt": 1}
AT = datetime.now(UTC) - timedelta(hours=1)


@dataclass
class World:
    """Everything around the relay: three subjects of each kind, and a failure for every act on the bad one."""

    clock: Clock = field(default_factory=Clock)
    gauge: Gauge = field(default_factory=Gauge)
    acted: list[str] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)
    away: set[str] = field(default_factory=lambda: {"bad"})

    def __post_init__(self) -> None:
        self.each = Each(self.gauge, self.clock)

    @property
    def relay(self) -> Relay:
        work: Any = self
        follow_ups = FollowUps(work, work, work, work, self.each, clock=self.clock)
        return Relay(work, work, work, work, follow_ups, self.each, longest_extension=timedelta(), sends_letters=True)

    async def act(self, subject: str) -> bool:
        if subject in self.away:
            raise RuntimeError(f"{subject} is broken")
        self.acted.append(subject)
        return True

    def purchases(self, limit: int) -> list[dict[str, Any]]:
        self.limits.append(limit)
        return [
            {"tenant_id": "t", "purchase_id": name, "attempt": 1, "show_id": "sh", "refund_id": name,
             "price": None, "currency": "eur",
             "ticket_ids": [], "amount_minor": 1, "resells": False, "in_cash": False}
            for name in SUBJECTS
        ]  # fmt: skip

    async def unsignalled(self, limit: int) -> Sequence[WebhookEvent]:
        self.limits.append(limit)
        return [event(name) for name in SUBJECTS]

    async def mark(self, event_id: str) -> None: ...
    async def look_again(self, purchase_id: str) -> bool:
        return await self.act(purchase_id)

    async def owner_of(self, intent_id: str) -> None: ...
    async def cancelling(self, limit: int) -> Any:
        return self.purchases(limit)

    async def buyer_cancelled(self, purchase_id: str) -> bool:
        return await self.act(purchase_id)

    async def queued_out(self, before: datetime, limit: int) -> Any:
        return self.purchases(limit)

    async def expire_queued(self, purchase: Any) -> bool:
        return await self.act(purchase.purchase_id)

    async def requested(self, before: datetime, limit: int, besides: Sequence[str]) -> Any:
        return self.purchases(limit)

    async def show(self, show_id: str) -> Any:
        return {"venue_id": "ve", "name": "The show"}

    async def start_purchase(self, purchase: Any, about: About) -> bool:
        return await self.act(purchase.purchase_id)

    async def refunding(self, before: datetime, limit: int) -> Any:
        return self.purchases(limit)

    async def start_refund(self, refund: Any, about: About) -> bool:
        return await self.act(refund.refund_id)

    async def cancelling_shows(self, before: datetime, limit: int) -> Any:
        self.limits.append(limit)
        return [(name, "t") for name in SUBJECTS]

    async def start_cancellation(self, tenant_id: str, about: About) -> bool:
        return await self.act(about.show_id)

    async def tokenless(self, before: datetime, limit: int) -> Any:
        self.limits.append(limit)
        return [("show", name, "t") for name in SUBJECTS]

    async def register(self, subject: Any, about: About) -> bool:
        return await self.act(subject.subject_id)

    async def unclaimed(self, before: datetime, limit: int) -> Any:
        self.limits.append(limit)
        return [
            {"tenant_id": "t", "purchase_id": name, "attempt": 1, "ticket_id": name, "show_id": "sh"}
            for name in SUBJECTS
        ]

    async def start_claim(self, claimed: Any, about: Any) -> bool:
        return await self.act(claimed.ticket_id)

    async def waiting_trees(self, before: datetime, limit: int) -> Any:
        self.limits.append(limit)
        return [(name, "t") for name in SUBJECTS]

    async def write_roots(self, tree: Any, every_seconds: float, about: Any) -> bool:
        return await self.act(tree.show_id)

    async def due_endpoints(self, limit: int) -> Any:
        self.limits.append(limit)
        return [(name, "t", "") for name in SUBJECTS]

    async def start_deliveries(self, endpoint: Any, about: About) -> bool:
        return await self.act(endpoint.endpoint_id)

    async def due_letters(self, at: datetime) -> Any:
        return SUBJECTS

    async def start_letters(self, sender: str) -> bool:
        return await self.act(sender)

    async def overdue(self, before: datetime, limit: int) -> Any:
        self.limits.append(limit)
        return [(name, "t", "sh", before) for name in SUBJECTS]

    async def watch_hold(self, hold: Any, about: About) -> bool:
        return await self.act(hold.reservation_id)

    async def changing_capacity(self, limit: int) -> Any:
        self.limits.append(limit)
        return [(name, "t", 1) for name in SUBJECTS]

    async def change_capacity(self, change: Any, about: About) -> bool:
        return await self.act(change.show_id)

    async def open_follow_ups(self, after: str, before: datetime, limit: int) -> Any:
        return [{**MATTER, "workflow_id": name, "subject_id": name} for name in SUBJECTS]

    async def follow(self, matter: Any, about: About, *, is_news: bool) -> bool:
        return await self.act(matter.subject_id)

    async def look(self, purchase_id: str) -> None: ...

    async def accounts(self, after: str, limit: int) -> Sequence[str]:
        return SUBJECTS

    async def undelivered(self, since: datetime, until: datetime, account_id: str | None = None) -> Any:
        return [] if account_id is None else [event(account_id)] if await self.act(account_id) else []

    async def store(self, webhook: WebhookEvent) -> bool:
        return False


def event(name: str) -> WebhookEvent:
    return WebhookEvent(
        event_id=name, type="x", object_id=None, intent_id=None, purchase_id=name, created=AT, digest="d"
    )


async def resend_cancels(world: World) -> None:
    """Cancels are sent again once they have settled."""
    relay = world.relay
    await relay.resend_cancels()
    relay._cancelling = dict.fromkeys(relay._cancelling, float("-inf"))
    await relay.resend_cancels()


def fetched(world: World) -> UndeliveredWebhooks:
    outside: Any = world
    return UndeliveredWebhooks(outside, outside, outside, world.each, every_seconds=1)


class Stores(World):
    """One account, whose three events are stored."""

    async def accounts(self, after: str, limit: int) -> Sequence[str]:
        return ["acct"]

    async def undelivered(self, since: datetime, until: datetime, account_id: str | None = None) -> Any:
        return [] if account_id is None else [event(name) for name in SUBJECTS]

    async def store(self, webhook: WebhookEvent) -> bool:
        return await self.act(webhook.event_id)


class Moves(World):
    """Three movements of our own balance."""

    async def own_movements(self, since: datetime | None) -> Any:
        return [movement(name) for name in SUBJECTS]

    async def post_movement(self, moved: OwnMovement) -> bool:
        return await self.act(moved.entry_id)


def movement(name: str) -> OwnMovement:
    return OwnMovement(entry_id=name, kind="payout", currency="eur", amount_minor=-1, fee_minor=0, at=AT)


async def erase(world: World) -> None:
    def of(kind: str) -> Callable[[datetime], Awaitable[int]]:
        async def batch(at: datetime) -> int:
            await world.act(kind)
            return 0

        return batch

    await Retention({kind: of(kind) for kind in SUBJECTS}, lambda: AT, world.each).erase()


async def make_schedules(world: World) -> None:
    def of(schedule_id: str) -> Callable[[], Awaitable[bool]]:
        async def make() -> bool:
            await world.act(schedule_id)
            return True

        return make

    nobody: Any = None
    await Schedules(nobody, {name: of(name) for name in SUBJECTS}, world.each).make_missing()


# Each loop by its name: the world, and the work that goes through the loop.
CASES: dict[str, tuple[type[World], Callable[[Any], Awaitable[Any]]]] = {
    "deliver webhooks": (World, lambda world: world.relay.deliver_webhooks()),
    "resend cancels": (World, resend_cancels),
    "expire queued orders": (World, lambda world: world.relay.expire_queued()),
    "start purchases": (World, lambda world: world.relay.start_purchases()),
    "start refunds": (World, lambda world: world.relay.start_refunds()),
    "start cancellations": (World, lambda world: world.relay.start_cancellations()),
    "start roots": (World, lambda world: world.relay.start_roots()),
    "start registrations": (World, lambda world: world.relay.start_registrations()),
    "start claims": (World, lambda world: world.relay.start_claims()),
    "start deliveries": (World, lambda world: world.relay.start_deliveries()),
    "start letters": (World, lambda world: world.relay.start_letters()),
    "end holds": (World, lambda world: world.relay.end_holds()),
    "start capacity changes": (World, lambda world: world.relay.start_capacity_changes()),
    "resume follow-ups": (World, lambda world: world.relay._follow_ups.resume()),
    "fetch undelivered webhooks": (World, lambda world: fetched(world).fetch()),
    "store undelivered webhooks": (Stores, lambda world: fetched(world).fetch()),
    "erase past data": (World, erase),
    "make schedules": (World, make_schedules),
    "book our own balance": (Moves, lambda world: OwnBalance(world, world, world.each, lambda: AT).book()),
}
LOOPS = {loop_of(body).name for body in marked_bodies("relay")}


@pytest.mark.parametrize("name", sorted(LOOPS))
async def test_one_bad_subject_never_stops_the_others(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is set aside for longer each time, logged and counted, and comes back when it is mended."""
    assert name in CASES, f"the loop {name!r} has no case: add one to CASES"
    kind, work = CASES[name]
    world = kind()
    for _ in range(3):
        world.acted.clear()
        await work(world)
        assert world.acted == GOOD
        assert world.gauge.numbers[name] == 1
        world.clock.at += PAUSE_SECONDS_MAX
    failures = [record.getMessage() for record in caplog.records if record.getMessage().startswith(f"{name}: bad is")]
    assert [text.split(" after ")[0].split(" for ")[1] for text in failures] == ["1 seconds", "2 seconds", "4 seconds"]
    world.away.clear()
    world.acted.clear()
    await work(world)
    assert world.acted == SUBJECTS
    assert world.gauge.numbers[name] == 0


def test_every_case_is_of_a_loop() -> None:
    """A loop that is gone leaves no case."""
    assert set(CASES) <= LOOPS


async def test_what_is_set_aside_takes_no_place_in_a_batch() -> None:
    """As many bad subjects as a batch has do not hide those behind them."""
    world = World()
    for _ in range(2):
        await world.relay.deliver_webhooks()
    assert world.limits == [BATCH_MAX, BATCH_MAX + 1]


async def test_a_subject_is_not_tried_before_its_pause_is_over() -> None:
    """A pause belongs to its subject alone."""
    tries: list[str] = []

    class Work:
        @each_subject("work")
        async def one(self, subject: str) -> None:
            tries.append(subject)
            raise TransientError("away")

    clock = Clock()
    each, work = Each(Gauge(), clock), Work()
    for at, subjects in ((0, ["a"]), (0.5, ["a", "b"]), (1.0, ["a"]), (2.9, ["a"]), (3.0, ["a"])):
        clock.at = at
        await each.run(work.one, subjects)
    assert tries == ["a", "b", "a", "a"]


async def test_a_loop_that_no_longer_looks_shows_nobody() -> None:
    """Its subjects count until they are forgotten, also when nobody runs it any more."""
    clock, gauge = Clock(), Gauge()

    class Work:
        @each_subject("work")
        async def one(self, subject: str) -> None:
            raise TransientError(subject)

    await Each(gauge, clock).run(Work().one, SUBJECTS)
    clock.at = PAUSE_SECONDS_MAX
    assert gauge.numbers == {"work": 3}
    clock.at += PAUSE_SECONDS_MAX
    assert gauge.numbers == {"work": 0}


def test_a_loop_needs_a_name() -> None:
    """A method without the mark is refused."""
    with pytest.raises(TypeError, match="each_subject"):
        loop_of(test_a_loop_needs_a_name)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setbacks, "SUBJECTS_MAX", 2)


@pytest.mark.usefixtures("few")
def test_the_memory_of_setbacks_is_bounded() -> None:
    """The oldest of too many is forgotten, and one that is solved elsewhere with time; pauses end at the longest."""
    known = Setbacks()
    for name in ("a", "b", "c"):
        known.fail(name, 0)
    assert len(known) == 2
    assert "a" not in known
    assert [known.fail("c", 0).pause for _ in range(12)][-1] == PAUSE_SECONDS_MAX
    known.forget_solved(PAUSE_SECONDS_MAX + 2)
    assert ("b" in known, "c" in known) == (False, True)
    assert known.succeed("c")
    assert not known.succeed("c")


async def test_what_fails_is_repeated_until_stopped(caplog: pytest.LogCaptureFixture) -> None:
    """An outage and a bug are in the log, and only delay."""
    stopping, turns = asyncio.Event(), [TransientError("no answer"), RuntimeError("a bug")]

    async def act() -> None:
        if turns:
            raise turns.pop(0)
        stopping.set()

    async with asyncio.timeout(5):
        await repeat(act, 0.001, stopping, "looking")
    assert caplog.messages == ["looking waits: no answer", "looking failed; continuing"]
