"""The projector: events folded into read models in batches, beside one transaction for each."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresTrackingRecorder
from psycopg.rows import tuple_row

from activities.sales.order import SalesActivities
from activities.sales.request_purchase import PurchaseCommands, RequestPurchase
from adapters.event_store.recorder import event_mapper, open_recorder
from adapters.event_store.store import PostgresEventStore
from adapters.read_models.documents import DocumentBatch
from adapters.read_models.projection import Projection, read_document, store_batch
from adapters.read_models.purchase import fold
from bench.contest import Against, Contestant, Row, Side
from bench.show import open_show
from bench.stock import open_event_store
from domain.catalog.line import Line

PURCHASES = 3_000
AT_ONCE = 250
BATCHES_PER_ROUND = 4
SINGLES_PER_ROUND = 400
LINES = (Line(ticket_type_id="tt_bench", quantity=2),)


async def _fill(store: PostgresEventStore) -> None:
    """Record some thousand placed orders, each of two tickets."""
    await open_show(store)
    purchases, sales = PurchaseCommands(store), SalesActivities(store)

    async def buy(number: int) -> None:
        events: dict[str, Any] = {"tenant_id": "bench", "body_digest": "d", "buyer_id": "bu_bench"}
        command = RequestPurchase(purchase_id=f"pu_{number}", show_id="sh_bench", lines=LINES, **events)
        await sales.place_order((await purchases.request_purchase(command)).purchase)

    for first in range(0, PURCHASES, AT_ONCE):
        await asyncio.gather(*(buy(number) for number in range(first, first + AT_ONCE)))


@contextmanager
def _batches(url: str) -> Iterator[Contestant]:
    with open_event_store(url) as store:
        asyncio.run(_fill(store))
    with psycopg.connect(url, autocommit=True) as connection:
        projection = Projection(connection)
        projection.advance()

        def measure() -> float:
            began = time.perf_counter()
            folded = sum(projection.advance() for _ in range(BATCHES_PER_ROUND))
            return folded / (time.perf_counter() - began)

        yield Contestant(measure, "batches of 500")


class OneByOne(PostgresTrackingRecorder):
    """The library's plain way: each event's changes and its position are a transaction of their own."""

    def fold(self, event: Any, tracking: Tracking) -> None:
        """Fold one event and remember its position."""
        with self.datastore.transaction(commit=True) as cursor:
            with cursor.connection.cursor(row_factory=tuple_row) as plain:
                documents = DocumentBatch(partial(read_document, plain))
                fold(documents, event, tracking.notification_id)
                store_batch(plain, documents)
            self._insert_tracking(cursor, tracking)


def _fold_some(view: OneByOne, recorder: PostgresApplicationRecorder) -> float:
    position = view.max_tracking_id("events") or 0
    mapper = event_mapper()
    began = time.perf_counter()
    found = recorder.select_notifications(position + 1, SINGLES_PER_ROUND)
    for notification in found:
        view.fold(mapper.to_domain_event(notification), Tracking("events", notification.id))
    return len(found) / (time.perf_counter() - began)


@contextmanager
def _singles(url: str) -> Iterator[Contestant]:
    with open_event_store(url) as store:
        asyncio.run(_fill(store))
    recorder = open_recorder(url, 2)
    view = OneByOne(recorder.datastore)
    view.create_table()
    try:
        yield Contestant(partial(_fold_some, view, recorder), "one transaction each")
    finally:
        recorder.datastore.close()


ROWS = (Row("projector", "events/s", Side("folds in batches", _batches), (Against(Side("one by one", _singles), 5),)),)
