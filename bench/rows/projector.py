"""Projection of events into read models in batches, beside one transaction per event."""

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
from bench.comparison.comparison import Baseline, Candidate, Row, Side
from bench.comparison.limits import json_of
from bench.fixtures.event_store import EVENTS_TABLE, open_store
from bench.fixtures.show import open_show
from domain.catalog.line import Line

PURCHASES = 3_000
AT_ONCE = 250
BATCHES_PER_ROUND = 4
SINGLES_PER_ROUND = 400
LINES = (Line(ticket_type_id="tt_bench", quantity=2),)
DOCUMENT = {"purchase_id": "pu_bench", "lines": [{"ticket_type_id": "tt_bench", "quantity": 2}], "state": "requested"}


async def _fill(store: PostgresEventStore) -> None:
    """Record placed orders of two tickets each."""
    await open_show(store)
    run_api, sales = PurchaseCommands(store), SalesActivities(store)

    async def buy(number: int) -> None:
        fields: dict[str, Any] = {"tenant_id": "bench", "body_digest": "d", "buyer_id": "bu_bench"}
        command = RequestPurchase(purchase_id=f"pu_{number}", show_id="sh_bench", lines=LINES, **fields)
        await sales.place_order((await run_api.request_purchase(command)).purchase)

    for first in range(0, PURCHASES, AT_ONCE):
        await asyncio.gather(*(buy(number) for number in range(first, first + AT_ONCE)))


@contextmanager
def _batches(url: str) -> Iterator[Candidate]:
    with open_store(url) as store:
        asyncio.run(_fill(store))
    with psycopg.connect(url, autocommit=True) as connection:
        projection = Projection(connection)
        projection.advance()

        def measure() -> float:
            began = time.perf_counter()
            folded = sum(projection.advance() for _ in range(BATCHES_PER_ROUND))
            return folded / (time.perf_counter() - began)

        yield Candidate(measure, "batches of 500")


class OneByOne(PostgresTrackingRecorder):
    """The library's default: each event's changes and its position are one transaction."""

    def fold(self, event: Any, tracking: Tracking) -> None:
        """Project one event and store its position."""
        with self.datastore.transaction(commit=True) as cursor:
            with cursor.connection.cursor(row_factory=tuple_row) as plain:
                documents = DocumentBatch(partial(read_document, plain))
                fold(documents, event, tracking.notification_id)
                store_batch(plain, documents, {})
            self._insert_tracking(cursor, tracking)


def _fold_some(view: OneByOne, recorder: PostgresApplicationRecorder) -> float:
    position = view.max_tracking_id(EVENTS_TABLE) or 0
    mapper = event_mapper()
    began = time.perf_counter()
    found = recorder.select_notifications(position + 1, SINGLES_PER_ROUND)
    for notification in found:
        view.fold(mapper.to_domain_event(notification), Tracking(EVENTS_TABLE, notification.id))
    return len(found) / (time.perf_counter() - began)


@contextmanager
def _singles(url: str) -> Iterator[Candidate]:
    with open_store(url) as store:
        asyncio.run(_fill(store))
    recorder = open_recorder(url, 2)
    view = OneByOne(recorder.datastore)
    view.create_table()
    try:
        yield Candidate(partial(_fold_some, view, recorder), "one transaction each")
    finally:
        recorder.datastore.close()


ROWS = (
    Row(
        "projector",
        "events/s",
        json_of(DOCUMENT),
        Side("folds in batches", _batches),
        (Baseline(Side("one by one", _singles), 5),),
    ),
)
