"""Events that were stored before prices had discounts and taxes still load, and their chains are whole."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from eventsourcing.persistence import StoredEvent

from adapters.event_store.recorder import event_mapper
from domain.catalog.show import Show
from domain.catalog.venue import Venue
from domain.core.aggregate import DomainEvent, broken_link
from domain.money.money import Tax
from domain.orders.order import Order, first_deadline
from tests.fakes.samples import folded

STORED = Path(__file__).parent / "stored" / "before_discounts.jsonl"


def stored(stream: str) -> list[DomainEvent]:
    """Read the events of one stream as they were stored."""
    lines = [json.loads(line) for line in STORED.read_text().splitlines()]
    mapper = event_mapper()
    events = [
        StoredEvent(stream, line["version"], line["topic"], json.dumps(line["state"]).encode())
        for line in lines
        if line["stream"] == stream
    ]
    return [mapper.to_domain_event(event) for event in events]  # type: ignore[misc]


def test_an_old_order_keeps_its_price() -> None:
    """Fees were on top, there was neither discount code nor tax, and the venue is owed what it was owed."""
    events = stored("order:pu")
    order: Order = folded(events)
    assert broken_link(events) is None
    assert order.price is not None
    assert (order.price.total_minor, order.price.venue_share_minor) == (2208, 2000)
    assert (order.price.fees, order.price.tax_minor) == ("on_top", 0)
    assert (order.discount_code, order.expected_total_minor) == (None, None)


def test_an_order_from_before_there_was_a_queue_is_not_ended_by_it() -> None:
    """Its hold's end is the saga's business, which asks Stripe first; opening its checkout again changes nothing."""
    order: Order = folded(stored("order:pu"))
    assert not order.is_queued_out(order.hold_until + timedelta(days=1))
    assert order.open_checkout(order.hold_until) == order.hold_until
    assert order.pending_events == []


def test_an_old_show_and_an_old_venue_sell_as_before() -> None:
    """No tax, no window, fees on top."""
    shows, venues = stored("show:sh"), stored("venue:ve")
    show: Show = folded(shows)
    venue: Venue = folded(venues)
    assert (broken_link(shows), broken_link(venues)) == (None, None)
    assert (show.tax, show.sale_from, show.sale_until) == (Tax(), None, None)
    assert (venue.rates.fees, venue.rates.platform_fixed_minor) == ("on_top", 0)


def test_a_request_without_any_deadline_is_no_request() -> None:
    """It has the queue's end, or, when it was stored before there was a queue, the hold's."""
    with pytest.raises(ValueError, match="deadline"):
        first_deadline(None, None)
