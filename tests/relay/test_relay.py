"""The relay: recorded work is always resumed, and no payment is lost."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.access.webhooks.deliver import EndpointRef
from activities.core.about import About
from activities.core.commands import CapacityChange, HoldRef, MintSubject, MintTicket, PurchaseRef, RefundRef, TreeRef
from activities.core.follow_ups import Matter
from activities.sales.request_purchase import PurchaseStatus
from domain.payments.webhook_event import WebhookEvent
from domain.views.catalog import ShowOwner
from domain.views.follow_up import FollowUpDocument
from domain.views.purchase import PurchaseKey, StalledClaim, StalledPurchase, StalledRefund
from relay.each import Each
from relay.follow_ups import EVERY_SECONDS, PAGE, FollowUps
from relay.relay import Relay
from tests.relay.gauge import Clock, Gauge
from tests.relay.letters_due import LettersDue, StartsLetters

QUEUED = StalledPurchase(tenant_id="default", purchase_id="pu_1", attempt=1, show_id="sh_1", price=None)
REFUND: StalledRefund = {
    "tenant_id": "default",
    "purchase_id": "pu_1",
    "attempt": 1,
    "show_id": "sh_1",
    "currency": "eur",
    "refund_id": "rf_1",
    "ticket_ids": ["ti_1"],
    "amount_minor": 500,
    "resells": False,
    "in_cash": False,
}
REFUND_REF = RefundRef(
    purchase=PurchaseRef(tenant_id="default", purchase_id="pu_1", attempt=1),
    refund_id="rf_1",
    ticket_ids=("ti_1",),
    amount_minor=500,
)
LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


class RecordingEngine(StartsLetters):
    """An engine that records its calls; `delivered` is the result of a signal."""

    def __init__(self) -> None:
        self.delivered: bool | None = True
        self.calls: list[tuple[str, Any]] = []
        self.abouts: list[About] = []

    async def start_purchase(self, purchase: PurchaseRef, about: About) -> bool:
        assert about.purchase_id == purchase.purchase_id
        self.calls.append(("start_purchase", (purchase.purchase_id, purchase.attempt, about.show_id, about.venue_id)))
        return True

    async def register(self, subject: MintSubject, about: About) -> bool:
        self.calls.append(("register", subject.subject_id))
        return True

    async def write_roots(self, tree: TreeRef, every_seconds: float, about: About) -> bool:
        self.calls.append(("write_roots", (tree.show_id, every_seconds)))
        return True

    async def watch_hold(self, hold: HoldRef, about: About) -> bool:
        self.calls.append(("watch_hold", hold.reservation_id))
        return True

    async def buyer_cancelled(self, purchase_id: str) -> bool | None:
        self.calls.append(("buyer_cancelled", purchase_id))
        return self.delivered

    async def follow(self, matter: Matter, about: About, *, is_news: bool) -> bool:
        self.calls.append(("news" if is_news else "resume", (matter.workflow_id, matter.purchase_id, matter.attempt)))
        self.abouts.append(about)
        return self.delivered is not None

    async def change_capacity(self, change: CapacityChange, about: About) -> bool:
        self.calls.append(("change_capacity", (change.show_id, change.number)))
        return True

    async def start_refund(self, refund: RefundRef, about: About) -> bool:
        self.calls.append(("start_refund", refund))
        return True

    async def start_deliveries(self, endpoint: EndpointRef, about: About) -> bool:
        self.calls.append(("start_deliveries", endpoint.endpoint_id))
        return True

    async def start_claim(self, claimed: MintTicket, about: About) -> bool:
        self.calls.append(("start_claim", (about.purchase_id, claimed.purchase.attempt, claimed.ticket_id)))
        return True

    async def start_cancellation(self, tenant_id: str, about: About) -> bool:
        self.calls.append(("start_cancellation", (tenant_id, about.show_id)))
        return True

    async def refund_news(self, refund_id: str) -> bool | None:
        self.calls.append(("refund_news", refund_id))
        return self.delivered

    async def look_again(self, purchase_id: str) -> bool | None:
        self.calls.append(("look_again", purchase_id))
        return self.delivered


class RecordedWork(LettersDue):
    """An inbox and stalled work, as plain attributes."""

    def __init__(self) -> None:
        self.webhooks: list[WebhookEvent] = []
        self.marked: list[str] = []
        self.ended: list[str] = []
        self.owner: PurchaseKey | None = {"tenant_id": "default", "purchase_id": "pu_1", "attempt": 2}
        self.state = "cancelled"
        self.own_intent, self.known = "pi_1", True
        self.opened: list[Matter] = []
        self.followed: list[FollowUpDocument] = []

    async def open_follow_up(self, matter: Matter) -> None:
        self.opened.append(matter)

    async def open_follow_ups(self, after: str, before: datetime, limit: int) -> Sequence[FollowUpDocument]:
        return [one for one in self.followed if one["workflow_id"] > after][:limit]

    async def changing_capacity(self, limit: int) -> Sequence[tuple[str, str, int]]:
        return [("sh_1", "default", 2)]

    async def unsignalled(self, limit: int) -> Sequence[WebhookEvent]:
        return [webhook for webhook in self.webhooks if webhook.event_id not in self.marked]

    async def mark(self, event_id: str) -> None:
        self.marked.append(event_id)

    async def requested(self, before: datetime, limit: int, besides: Sequence[str]) -> Sequence[StalledPurchase]:
        return [] if "pu_1" in besides else [QUEUED]

    async def queued_out(self, before: datetime, limit: int) -> Sequence[StalledPurchase]:
        return [QUEUED]

    async def expire_queued(self, purchase: PurchaseRef) -> bool:
        self.ended.append(purchase.purchase_id)
        return True

    async def unfinished(self, before: datetime, limit: int) -> Sequence[StalledPurchase]:
        self.hold_ran_out_before = before
        return [{"tenant_id": "default", "purchase_id": "pu_2", "attempt": 3, "show_id": "sh_1", "price": None}]

    async def cancelling(self, limit: int) -> Sequence[StalledPurchase]:
        return [{"tenant_id": "default", "purchase_id": "pu_3", "attempt": 1, "show_id": "sh_1", "price": None}]

    async def tokenless(self, before: datetime, limit: int) -> Sequence[tuple[str, str, str]]:
        return [("show", "sh_1", "default")]

    async def unclaimed(self, before: datetime, limit: int) -> Sequence[StalledClaim]:
        return [{"tenant_id": "default", "purchase_id": "pu_1", "attempt": 2, "ticket_id": "ti_1", "show_id": "sh_1"}]

    async def waiting_trees(self, before: datetime, limit: int) -> Sequence[tuple[str, str]]:
        self.changed_before = before
        return [("sh_1", "default")]

    async def due_endpoints(self, limit: int) -> Sequence[tuple[str, str, str]]:
        return [("we_1", "default", "")]

    async def overdue(self, before: datetime, limit: int) -> Sequence[tuple[str, str, str, datetime]]:
        return [("re_1", "default", "sh_1", before)]

    async def refunding(self, before: datetime, limit: int) -> Sequence[StalledRefund]:
        return [REFUND]

    async def cancelling_shows(self, before: datetime, limit: int) -> Sequence[tuple[str, str]]:
        return [("sh_1", "default")]

    async def refund_of(self, stripe_refund_id: str) -> StalledRefund | None:
        return REFUND if stripe_refund_id == "re_1" else None

    async def owner_of(self, intent_id: str) -> PurchaseKey | None:
        return self.owner

    async def venue_of(self, account_id: str) -> tuple[str, str] | None:
        return ("default", "ve_1") if account_id == "acct_1" else None

    async def show(self, show_id: str) -> ShowOwner | None:
        return {"venue_id": "ve_1", "name": "The show"}

    async def look(self, purchase_id: str) -> PurchaseStatus | None:
        if not self.known:
            return None
        events = {"purchase_id": purchase_id, "tenant_id": "default", "attempt": 2, "price": None, "end_reason": None}
        place = {"show_id": "sh_1", "venue_id": "ve_1", "intent_id": self.own_intent}
        return PurchaseStatus(state=self.state, hold_until=LONG_AGO, **events, **place)


def webhook(kind: str = "payment_intent.succeeded", *, purchase_id: str | None = "pu_1") -> WebhookEvent:
    return WebhookEvent(
        event_id="evt_1",
        type=kind,
        object_id="pi_1",
        intent_id="pi_1",
        purchase_id=purchase_id,
        created=LONG_AGO,
        digest="d",
    )


@pytest.fixture
def engine() -> RecordingEngine:
    return RecordingEngine()


@pytest.fixture
def stalled() -> RecordedWork:
    return RecordedWork()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def relay(engine: RecordingEngine, stalled: RecordedWork, clock: Clock) -> Relay:
    follow_ups = FollowUps(engine, stalled, stalled, stalled, each := Each(Gauge()))
    longest = timedelta(seconds=900)
    return Relay(engine, stalled, stalled, stalled, follow_ups, each, longest_extension=longest, clock=clock)


async def test_a_delivered_webhook_is_done(relay: Relay, engine: RecordingEngine, stalled: RecordedWork) -> None:
    """A running purchase gets the signal, once."""
    stalled.webhooks = [webhook()]
    await relay.deliver_webhooks()
    await relay.deliver_webhooks()
    assert engine.calls == [("look_again", "pu_1")]


async def test_a_webhook_waits_for_an_engine_that_is_unavailable(
    relay: Relay, engine: RecordingEngine, stalled: RecordedWork
) -> None:
    """It is not marked, so the next tick tries again."""
    stalled.webhooks, engine.delivered = [webhook()], None
    await relay.deliver_webhooks()
    assert stalled.marked == []


async def test_late_money_for_an_ended_purchase_opens_a_case(
    relay: Relay, engine: RecordingEngine, stalled: RecordedWork
) -> None:
    """The case is about the attempt that the intent belongs to."""
    stalled.webhooks, engine.delivered = [webhook()], False
    await relay.deliver_webhooks()
    assert engine.calls[-1] == ("news", ("payment-case/pi_1", "pu_1", 2))
    assert stalled.marked == ["evt_1"]


@pytest.mark.parametrize(("kind", "state"), [("payment_intent.canceled", "cancelled"), (None, "fulfilled")])
async def test_news_that_a_closed_purchase_needs_no_more_is_dropped(
    relay: Relay, engine: RecordingEngine, stalled: RecordedWork, kind: str | None, state: str
) -> None:
    """Neither a cancelled intent nor the capture of a sold purchase opens a case."""
    stalled.webhooks = [webhook(kind) if kind else webhook()]
    stalled.state, engine.delivered = state, False
    await relay.deliver_webhooks()
    assert engine.calls == [("look_again", "pu_1")]
    assert stalled.marked == ["evt_1"]


async def test_what_was_recorded_and_never_begun_is_started(relay: Relay, engine: RecordingEngine) -> None:
    """Each is started once within the settling time, since the read models may only lag."""
    for _ in range(2):
        await relay.start_purchases()
        await relay.start_registrations()
        await relay.start_claims()
        await relay.end_holds()
    assert engine.calls == [
        ("start_purchase", ("pu_1", 1, "sh_1", "ve_1")),
        ("register", "sh_1"),
        ("start_claim", ("pu_1", 2, "ti_1")),
        ("watch_hold", "re_1"),
    ]


async def test_what_nobody_works_on_any_more_is_resumed(
    relay: Relay, engine: RecordingEngine, stalled: RecordedWork
) -> None:
    """Not before its hold and the longest extension are over; until then it may be waiting for payment."""
    await relay.resume_purchases()
    assert engine.calls == [("start_purchase", ("pu_2", 3, "sh_1", "ve_1"))]
    patience = datetime.now(UTC) - stalled.hold_ran_out_before
    assert patience >= timedelta(seconds=900)


@pytest.mark.parametrize("delivered", [True, False, None], ids=["delivered", "no workflow", "no answer"])
async def test_a_recorded_cancel_is_signalled_again(
    relay: Relay, engine: RecordingEngine, monkeypatch: pytest.MonkeyPatch, *, delivered: bool | None
) -> None:
    """A signal may be lost, so it is repeated at intervals; without a workflow, one is started to free the seats."""
    engine.delivered = delivered
    await relay.resend_cancels()
    assert engine.calls == []
    monkeypatch.setattr("relay.relay.SETTLE_SECONDS", 0.0)
    await relay.resend_cancels()
    await relay.resend_cancels()
    started = [("start_purchase", ("pu_3", 1, "sh_1", "ve_1"))] if delivered is False else []
    assert engine.calls == [("buyer_cancelled", "pu_3"), *started]


async def test_a_purchase_whose_checkout_did_not_open_in_time_is_ended(relay: Relay, stalled: RecordedWork) -> None:
    """The events decide whether it may still open; the relay only makes the call."""
    await relay.expire_queued()
    assert stalled.ended == ["pu_1"]


async def test_refunds_that_nobody_began_are_started_once(relay: Relay, engine: RecordingEngine) -> None:
    """A decided refund is started, and not again within the settling time."""
    await relay.start_refunds()
    await relay.start_refunds()
    assert engine.calls == [("start_refund", REFUND_REF)]


async def test_cancellations_that_nobody_began_are_started_once(relay: Relay, engine: RecordingEngine) -> None:
    """A cancelled show's refunds are started, and not again within the settling time."""
    await relay.start_cancellations()
    await relay.start_cancellations()
    assert engine.calls == [("start_cancellation", ("default", "sh_1"))]


REFUND_NEWS: list[tuple[bool | None, str | None, list[Any], bool]] = [
    (True, "re_1", [("refund_news", "rf_1")], True),
    (None, "re_1", [("refund_news", "rf_1")], False),
    (False, "re_1", [("refund_news", "rf_1"), ("start_refund", REFUND_REF)], True),
    (True, None, [], True),
]


@pytest.mark.parametrize("case", REFUND_NEWS)
async def test_news_of_a_refund(relay: Relay, engine: RecordingEngine, stalled: RecordedWork, case: Any) -> None:
    """The refund is signalled; an ended one is started again; one that is not ours is set aside."""
    engine.delivered, object_id, calls, is_done = case
    stalled.webhooks = [webhook("refund.failed").model_copy(update={"object_id": object_id})]
    await relay.deliver_webhooks()
    assert engine.calls == calls
    assert bool(stalled.marked) == is_done


def followed(name: str) -> FollowUpDocument:
    return {
        "workflow_id": name,
        "kind": "dispute",
        "subject_id": name.partition("/")[2],
        "tenant_id": "default",
        "purchase_id": "pu_1",
        "attempt": 1,
        "show_id": "",
        "venue_id": "",
        "account_id": "",
        "state": "open",
        "outcome": None,
        "opened_at": LONG_AGO.isoformat(),
    }


async def test_a_matter_is_recorded_before_its_workflow_is_told(relay: Relay, stalled: RecordedWork) -> None:
    """Whatever becomes of the workflow, the events say that it must run."""
    await relay._follow_ups.tell(Matter(kind="payout", subject_id="po_1/evt_1", tenant_id="default"))
    assert [matter.workflow_id for matter in stalled.opened] == ["payout/po_1/evt_1"]


async def test_open_matters_are_followed_page_by_page(engine: RecordingEngine, stalled: RecordedWork) -> None:
    """A page at an interval, from the first again after the last; a running workflow is not woken."""
    stalled.followed = [followed(f"dispute/du_{number:03}") for number in range(PAGE + 1)]
    clock = Clock()
    follow_ups = FollowUps(engine, stalled, stalled, stalled, Each(Gauge(), clock), clock=clock)
    seen = []
    for seconds in (0, EVERY_SECONDS - 1, 1, EVERY_SECONDS):
        clock.at += seconds
        await follow_ups.resume()
        seen.append(len(engine.calls))
    assert seen == [PAGE, PAGE, PAGE + 1, 2 * PAGE + 1]
    assert {kind for kind, _ in engine.calls} == {"resume"}


async def test_a_capacity_change_under_way_is_started(relay: Relay, engine: RecordingEngine) -> None:
    """Its workflow may have been ended, or never begun."""
    await relay.start_capacity_changes()
    await relay.start_capacity_changes()
    assert engine.calls == [("change_capacity", ("sh_1", 2))]


async def test_a_tree_waits_for_a_batch(relay: Relay, engine: RecordingEngine, stalled: RecordedWork) -> None:
    """The roots of a tree are written once its oldest change has waited for the pause, and once in a while at most."""
    for _ in range(2):
        await relay.start_roots()
    assert engine.calls == [("write_roots", ("sh_1", 60))]
    assert stalled.changed_before < datetime.now(UTC) - timedelta(seconds=59)
