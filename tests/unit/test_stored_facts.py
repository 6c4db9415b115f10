"""Facts that were stored before prices had discounts and taxes still load, and their chains are whole."""

import json
from pathlib import Path

from eventsourcing.persistence import StoredEvent

from adapters.ledger import fact_mapper
from domain.catalog import Show, Venue
from domain.fact import Fact, broken_link
from domain.money import Tax
from domain.order import Order
from tests.fakes.samples import folded

STORED = Path(__file__).parent / "stored" / "before_discounts.jsonl"


def stored(stream: str) -> list[Fact]:
    """Read the facts of one stream as they were stored."""
    lines = [json.loads(line) for line in STORED.read_text().splitlines()]
    mapper = fact_mapper()
    events = [
        StoredEvent(stream, line["version"], line["topic"], json.dumps(line["state"]).encode())
        for line in lines
        if line["stream"] == stream
    ]
    return [mapper.to_domain_event(event) for event in events]  # type: ignore[misc]


def test_an_old_order_keeps_its_price() -> None:
    """Fees were on top, there was neither discount code nor tax, and the venue is owed what it was owed."""
    facts = stored("order:pu")
    order: Order = folded(facts)
    assert broken_link(facts) is None
    assert order.price is not None
    assert (order.price.total_minor, order.price.venue_share_minor) == (2208, 2000)
    assert (order.price.fees, order.price.tax_minor) == ("on_top", 0)
    assert (order.discount_code, order.expected_total_minor) == (None, None)


def test_an_old_show_and_an_old_venue_sell_as_before() -> None:
    """No tax, no window, fees on top."""
    shows, venues = stored("show:sh"), stored("venue:ve")
    show: Show = folded(shows)
    venue: Venue = folded(venues)
    assert (broken_link(shows), broken_link(venues)) == (None, None)
    assert (show.tax, show.sale_from, show.sale_until) == (Tax(), None, None)
    assert (venue.rates.fees, venue.rates.platform_fixed_minor) == ("on_top", 0)
