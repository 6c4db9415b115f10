"""Contract of the read models' queries, for PostgreSQL and the fakes, which fold events at each query."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import psycopg
import pytest

from activities.access.keys import CreateKey, KeyCommands
from activities.books.post import BooksActivities
from activities.core.commands import EndPurchase, PurchaseRef
from activities.core.ports import EventStore
from activities.payouts.ports import DueOrders, VenueRef
from activities.payouts.transfers import PayoutActivities
from activities.refunds.cancel_show import CancelShow, ShowCancellationCommands, ShowReads
from activities.refunds.pay_refund import RefundActivities
from activities.refunds.request_refund import RefundCommands, RequestRefund
from activities.sales.order import SalesActivities
from activities.sales.request_purchase import PurchaseCommands, RequestPurchase
from activities.tokens.metadata import cid_of
from activities.tokens.pin import MetadataFiles
from adapters.database.startup import utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import open_pool
from adapters.read_models.projection import Projection
from adapters.read_models.shows.cancellation import ShowCancellationQueries
from adapters.read_models.stalled_work import StalledWorkQueries
from api.ports import CancelledShows, Queries
from domain.catalog.discount import discount_id_of
from domain.catalog.line import Line
from domain.catalog.venue import Venue
from domain.core.actor import Actor, acting_as
from domain.money.books import venue_payable
from domain.money.statement import StatementQuery
from domain.payouts.connected_account import DueQuery
from domain.tickets.has_token import Drawing
from domain.views.access import AuditQuery
from domain.views.catalog import SalesUnit, StockedShow
from domain.views.outgoing.event import OutgoingQuery, event_id_of
from tests.contract.selling import sell
from tests.fakes.connect import FakeConnect
from tests.fakes.due import DueInMemory
from tests.fakes.event_store import FakeEventStore
from tests.fakes.payment_gateway import FakePaymentGateway
from tests.fakes.pinning_node import FoldedFiles
from tests.fakes.shop_world import MemoryReads
from tests.fakes.show_reads import FoldedShows

WINDOW = ["show.sale_window_changed"]
CONFIRMED = 5  # the version of the event in its order
VENUE = VenueRef(tenant_id="default", venue_id="ve_1")


class Shop(NamedTuple):
    """An event store with one sale, and its queries; `project` brings the read models up to date."""

    store: EventStore
    queries: Queries
    cancelled: CancelledShows
    shows: ShowReads
    due: DueOrders
    url: str | None
    files: MetadataFiles

    def project(self) -> None:
        if self.url is not None:
            with psycopg.connect(self.url, autocommit=True) as connection:
                Projection(connection).catch_up()


@pytest.fixture(params=["fake", "postgres"])
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    if request.param == "fake":
        fake = FakeEventStore(utc_now)
        reads = MemoryReads(fake)
        made = Shop(fake, reads, reads, FoldedShows(fake), DueInMemory(fake), None, FoldedFiles(fake))
        await sell(made.store)
        yield made
        return
    url: str = request.getfixturevalue("tables_url")
    async with open_pool(url) as pool:
        real, cancelled, stalled = (
            PostgresEventStore(url, utc_now),
            ShowCancellationQueries(pool),
            StalledWorkQueries(pool),
        )
        made = Shop(real, stalled, cancelled, cancelled, stalled, url, stalled)
        await sell(made.store)
        made.project()
        yield made
        real.close()


async def test_files_that_are_not_pinned(shop: Shop) -> None:
    """They are listed by their CIDs, page by page, until they are pinned; a file stays readable by its CID."""
    cids = [cid_of(word.encode()) for word in ("{}", "<svg/>")]
    drawing = Drawing("", cids[0], "{}", cids[1], "<svg/>")
    assert await shop.files.unpinned("", 10) == []
    await shop.store.commit(lambda uow: uow.get(Venue, "ve_1").draw(drawing, uow.at))
    shop.project()
    waiting = [(cid, "venue:ve_1") for cid in sorted(cids)]
    assert await shop.files.unpinned("", 10) == waiting
    assert await shop.files.unpinned("", 1) == waiting[:1]
    assert await shop.files.unpinned(waiting[0][0], 10) == waiting[1:]
    await shop.store.commit(lambda uow: uow.get(Venue, "ve_1").pin(cids[0], uow.at))
    shop.project()
    assert await shop.files.unpinned("", 10) == [(cids[1], "venue:ve_1")]
    for cid, content, media_type in zip(cids, ("{}", "<svg/>"), ("application/json", "image/svg+xml"), strict=True):
        found = await shop.files.file(cid)
        assert found is not None
        assert (found["content"], found["media_type"]) == (content, media_type)
        assert await shop.queries.file(cid) == found
    assert await shop.files.file(cid_of(b"other")) is None


async def test_outgoing_events(shop: Shop) -> None:
    """They are told in the order of the log, page by page, of a tenant, and of the asked types, show and venue."""
    every = await shop.queries.outgoing(OutgoingQuery("default", 0, 100))
    sale = ["order.confirmed", *["ticket.issued"] * 2, *["ticket.minted"] * 2, "order.fulfilled"]
    types = ["show.announced", "show.on_sale", *sale, "show.price_changed", *WINDOW]
    listed = [event for event in every if event["type"] in types]
    assert [event["type"] for event in listed] == types
    assert listed[2]["id"] == event_id_of("order:pu_1", CONFIRMED)
    assert await shop.queries.outgoing(OutgoingQuery("default", every[1]["position"], 3)) == every[2:5]
    issued = OutgoingQuery("default", 0, 100, ("ticket.issued", "order.fulfilled"))
    assert await shop.queries.outgoing(issued) == [*listed[3:5], listed[7]]
    for mine in (OutgoingQuery("default", 0, 100, (), "sh_1"), OutgoingQuery("default", 0, 100, (), None, "ve_1")):
        assert await shop.queries.outgoing(mine) == every
    for other in (OutgoingQuery("other", 0, 9), OutgoingQuery("default", 0, 9, (), None, "ve_2")):
        assert await shop.queries.outgoing(other) == []


async def test_the_position(shop: Shop) -> None:
    """It is the log's head; the changes since a position are the purchases of later events."""
    head = await shop.queries.head()
    assert await shop.queries.position() == head > 0
    assert await shop.queries.changed(0) == (head, {"pu_1", "pu_2"})
    assert await shop.queries.changed(head) == (head, set())


async def test_a_purchase_and_its_tickets(shop: Shop) -> None:
    """A purchase has its state, price, payment and timeline."""
    found = await shop.queries.purchase("pu_1")
    assert found is not None
    assert (found["state"], found["attempt"], found["end_reason"]) == ("fulfilled", 1, None)
    assert found["price"] is not None
    assert found["payment"] is not None
    assert (found["price"]["total_minor"], found["discount_code"]) == (1657, "EARLY")
    assert (found["payment"]["charge_id"], found["payment"]["refunded_minor"]) == ("ch_1", 0)
    texts = [line["text"] for line in found["timeline"]]
    repeated = {text for text in texts if texts.count(text) > 1}
    assert repeated <= {"Posted to the books: minted."}, repeated  # once for each ticket
    assert len(set(texts)) > 5
    ticket = await shop.queries.ticket(found["tickets"][0]["ticket_id"])
    assert ticket is not None
    assert (ticket["state"], ticket["purchase_id"]) == ("issued", "pu_1")
    assert ticket["public_name"] not in {ticket["ticket_id"], ""}
    assert await shop.queries.ticket_named(ticket["public_name"]) == ticket
    assert await shop.queries.ticket_named(ticket["ticket_id"]) is None
    assert await shop.queries.ticket_minted_at(str(ticket["mint_address"])) == ticket
    waiting = await shop.queries.purchase("pu_2")
    assert waiting is not None
    assert (waiting["state"], waiting["payment"]) == ("reserving", None)


async def test_a_show_its_venue_and_its_code(shop: Shop) -> None:
    """The show has the available quantity of each ticket type."""
    show, venue = await shop.queries.show("sh_1"), await shop.queries.venue("ve_1")
    assert show is not None
    assert venue is not None
    (floor,) = show["ticket_types"]
    assert (floor["held"], floor["sold"], floor["available"], floor["price_minor"]) == (3, 2, 0, 1200)
    assert (show["on_sale"], venue["name"]) == (True, "Hall")
    discount = await shop.queries.discount(discount_id_of("sh_1", "EARLY"))
    assert discount is not None
    assert (discount["code"], discount["in_use"], discount["limit"]) == ("EARLY", 2, 3)


async def test_the_books_of_a_venue(shop: Shop) -> None:
    """A venue has a balance per unit, and every line with the balance after it."""
    account = venue_payable("ve_1")
    assert (await shop.queries.balance(account))["balances"] == [{"currency": "eur", "balance_minor": 1500}]
    assert (await shop.queries.venue_sums("ve_1"))[account, "eur"] == 1500
    statement = await shop.queries.statement("ve_1", StatementQuery())
    (line,) = statement["lines"]
    assert (line["amount_minor"], line["balance_minor"], line["purchase_id"]) == (1500, 1500, "pu_1")
    assert (statement["opening"][0]["balance_minor"], statement["closing"][0]["balance_minor"]) == (0, 1500)
    assert statement["next"] is None
    assert (await shop.queries.balance("nobody"))["balances"] == []
    nobody = await shop.queries.statement("nobody", StatementQuery())
    assert (nobody["lines"], nobody["opening"], nobody["closing"], nobody["next"]) == ([], [], [], None)


async def test_the_name_of_an_older_ticket_is_its_id(shop: Shop) -> None:
    """Its uri on chain still resolves, also from a document that was folded before tickets had names."""
    waiting = await shop.queries.purchase("pu_2")
    assert waiting is not None
    ticket_id = waiting["tickets"][0]["ticket_id"]
    named = await shop.queries.ticket_named(ticket_id)
    assert named is not None
    assert (named["ticket_id"], named["public_name"]) == (ticket_id, ticket_id)
    if shop.url is not None:
        with psycopg.connect(shop.url, autocommit=True) as connection:
            connection.execute("UPDATE rm_tickets SET doc = doc - 'public_name' WHERE id = %s", (ticket_id,))
        assert await shop.queries.ticket_named(ticket_id) == await shop.queries.ticket(ticket_id) == named


async def test_the_sales_of_a_show(shop: Shop) -> None:
    """Two tickets for what their buyer paid, in the hour and in the day of the show's zone; open orders are no sale."""
    show = await shop.queries.show("sh_1")
    assert show is not None
    sold = await shop.queries.purchase("pu_1")
    assert sold is not None
    assert sold["price"] is not None
    at = datetime.fromisoformat(sold["confirmed_at"] or "")
    units: tuple[SalesUnit, ...] = ("hour", "day")
    for zone, unit in product(("", "Asia/Kolkata"), units):
        local = at.astimezone(ZoneInfo(zone or "UTC"))
        start = local.replace(hour=0 if unit == "day" else local.hour, minute=0, second=0, microsecond=0)
        there: StockedShow = {**show, "time_zone": zone}
        found = await shop.queries.sales(there, unit)
        total_minor = sold["price"]["total_minor"]
        once = {"at": start.astimezone(UTC).isoformat(), "orders": 1, "tickets": 2, "total_minor": total_minor}
        assert (found["sales"], found["tokens"]) == ([once], {"minted": 2, "leaves": 0, "owed": 0})
    other: StockedShow = {**show, "show_id": "other"}
    none = await shop.queries.sales(other, "day")
    assert (none["sales"], none["tokens"]) == ([], {"minted": 0, "leaves": 0, "owed": 0})


UNKNOWN = ["purchase", "show", "venue", "ticket", "ticket_named", "ticket_minted_at", "discount", "refund", "door"]


@pytest.mark.parametrize("kind", UNKNOWN)
async def test_an_unknown_id_is_not_found(shop: Shop, kind: str) -> None:
    """Each query returns None."""
    assert await getattr(shop.queries, kind)("nobody") is None


async def test_the_remaining_orders_of_a_cancelled_show(shop: Shop) -> None:
    """Both purchases and the open hold are listed, page by page; another show has none."""
    assert await shop.cancelled.cancellation("sh_1") is None
    command = CancelShow(tenant_id="default", show_id="sh_1", body_digest="d", fees="platform", rate_per_second=5)
    await ShowCancellationCommands(shop.store).cancel_show(command)
    shop.project()
    assert await shop.shows.position() == await shop.shows.head()
    assert list(await shop.shows.orders_left("sh_1", "", 10)) == [("pu_1", "default", 1), ("pu_2", "default", 1)]
    assert list(await shop.shows.orders_left("sh_1", "", 1)) == [("pu_1", "default", 1)]
    assert list(await shop.shows.orders_left("sh_1", "pu_1", 10)) == [("pu_2", "default", 1)]
    assert await shop.shows.residue("sh_1") == 2
    assert list(await shop.shows.held_outside("sh_1")) == ["re_1"]
    assert (list(await shop.shows.orders_left("other", "", 10)), await shop.shows.residue("other")) == ([], 0)
    cancellation = await shop.cancelled.cancellation("sh_1")
    assert cancellation is not None
    assert (cancellation["state"], cancellation["fees"]) == ("refunding", "platform")


async def test_cash_at_the_till_is_a_clerks_work(shop: Shop) -> None:
    """An order whose cash is owed at the till is not left to its show's cancellation, and nobody starts its refund."""
    purchase = PurchaseRef(tenant_id="default", purchase_id="pu_3", attempt=1)
    sales = SalesActivities(shop.store)
    await sales.cancel_order(EndPurchase(purchase=purchase.model_copy(update={"purchase_id": "pu_2"}), reason="failed"))
    lines = [Line(ticket_type_id="tt_1", quantity=1)]
    terms: dict[str, Any] = {"tenant_id": "default", "purchase_id": "pu_3", "body_digest": "d"}
    await PurchaseCommands(shop.store).request_purchase(
        RequestPurchase(show_id="sh_1", lines=lines, buyer_id="bu_1", tender="cash", **terms)
    )
    for step in (sales.place_order, sales.confirm_seats, sales.confirm_order, BooksActivities(shop.store).settle_sale):
        await step(purchase)
    command = RequestRefund(refund_id="rf_3", reason="goodwill", **terms)
    refund = (await RefundCommands(shop.store).request_refund(command)).refund
    shop.project()
    assert [name for name, _, _ in await shop.shows.orders_left("sh_1", "", 10)] == ["pu_1", "pu_3"]
    await RefundActivities(shop.store, FakePaymentGateway()).post_refund(refund)
    shop.project()
    assert [name for name, _, _ in await shop.shows.orders_left("sh_1", "", 10)] == ["pu_1"]
    assert await shop.shows.residue("sh_1") == 1
    found = await shop.queries.refund("rf_3")
    assert found is not None
    assert (found["state"], found["owed_at_till"]) == ("requested", True)
    if isinstance(shop.due, StalledWorkQueries):
        assert await shop.due.refunding(utc_now() + timedelta(minutes=1), 10) == []
    await RefundCommands(shop.store).hand_out_cash("pu_3", "rf_3")
    shop.project()
    assert await shop.shows.residue("sh_1") == 1


async def test_the_shares_that_are_due(shop: Shop) -> None:
    """A sold order's share is due once the venue may receive, after the delay, from the minimum sum on."""
    payouts = PayoutActivities(shop.store, FakeConnect(), shop.due)
    due = DueQuery(now=utc_now() + timedelta(minutes=1), delay_seconds=0, minimum_minor=1)
    assert list(await shop.due.due_transfers(due)) == []
    account = await payouts.connect_account(VENUE)
    shop.project()
    assert await shop.due.venue_of(account.account_id) == ("default", "ve_1")
    assert await shop.due.venue_of("acct_nobody") is None
    assert list(await shop.due.due_transfers(due)) == [("default", "pu_1", 1)]
    for changed in ({"delay_seconds": 3600}, {"minimum_minor": 1501}, {"after": "pu_1"}, {"limit": 0}):
        assert list(await shop.due.due_transfers(due.model_copy(update=changed))) == [], changed


@pytest.mark.parametrize("actor", [Actor("other/key", "other"), Actor("default/key", "default", "ve_other")])
async def test_what_is_somebody_elses_does_not_exist(shop: Shop, actor: Actor) -> None:
    """No document of another tenant or venue is found; the owner finds each."""
    queries, sold = shop.queries, await shop.queries.purchase("pu_1")
    assert sold is not None
    ticket = await shop.queries.ticket(sold["tickets"][0]["ticket_id"])
    assert ticket is not None
    reads = (
        lambda: queries.purchase("pu_1"),
        lambda: queries.show("sh_1"),
        lambda: queries.venue("ve_1"),
        lambda: queries.ticket(ticket["ticket_id"]),
        lambda: queries.ticket_named(ticket["public_name"]),
        lambda: queries.ticket_minted_at(str(ticket["mint_address"])),
        lambda: queries.discount(discount_id_of("sh_1", "EARLY")),
    )
    with acting_as(actor):
        assert [await read() for read in reads] == [None] * len(reads)
    with acting_as(Actor("default/key", "default", "ve_1")):
        assert None not in [await read() for read in reads]


async def test_the_audit_tells_who_did_what(shop: Shop) -> None:
    """Each event of a subject of the tenant, after a position, of one or of all."""
    before = await shop.queries.head()
    for tenant, name in (("default", "one"), ("default", "two"), ("other", "three")):
        command = CreateKey(tenant_id=tenant, kind="secret", label="", scopes=("door",))
        with acting_as(Actor(f"{tenant}/{name}", tenant)):
            await KeyCommands(shop.store).create(command)
    shop.project()
    found = await shop.queries.audit(AuditQuery("default", "", before, 10))
    assert [(entry["subject"], entry["event"]) for entry in found] == [
        ("default/one", "api-key.created"),
        ("default/two", "api-key.created"),
    ]
    assert await shop.queries.audit(AuditQuery("default", "two", 0, 10)) == found[1:]
    assert await shop.queries.audit(AuditQuery("default", "", before, 1)) == found[:1]
    assert [entry["subject"] for entry in await shop.queries.audit(AuditQuery("other", "", 0, 10))] == ["other/three"]
