"""A show with one ticket type, put on sale in the events; nothing of it is on a chain."""

from typing import Any

from activities.catalog.register import AnnounceShow, CatalogCommands, RegisterVenue
from adapters.event_store.store import PostgresEventStore
from bench.stock import CAPACITY, HOLD
from domain.catalog.show import Show, TicketType
from domain.core.unit_of_work import UnitOfWork
from domain.money.money import FeeRates

PRICE_MINOR = 5000


async def open_show(store: PostgresEventStore, capacity: int = CAPACITY, name: str = "bench") -> None:
    """Put the show `sh_{name}` with the ticket type `tt_{name}` on sale."""
    catalog = CatalogCommands(store)
    ids: dict[str, Any] = {"tenant_id": "bench", "venue_id": "ve_bench"}
    await catalog.register_venue(RegisterVenue(name="Hall", rates=FeeRates(), body_digest="d", **ids))
    floor = TicketType(ticket_type_id=f"tt_{name}", name="floor", price_minor=PRICE_MINOR, capacity=capacity)
    terms: dict[str, Any] = {"name": "Night", "currency": "eur", "capture_method": "manual", "body_digest": "d"}
    seconds = int(HOLD.total_seconds())
    await catalog.announce_show(
        AnnounceShow(show_id=f"sh_{name}", ticket_types=[floor], hold_seconds=seconds, **ids, **terms)
    )

    def stand(uow: UnitOfWork) -> None:
        show = uow.get(Show, f"sh_{name}")
        show.mint_token("mint", "signature", uow.at)
        show.open_sale(uow.at)

    await store.commit(stand)
