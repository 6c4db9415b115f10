"""Sample events for read tests: a show with a discount, two purchases, and a hold of the internal ticket API."""

from datetime import UTC, datetime
from typing import Any

from activities.catalog.prices import ChangeShow, CreateDiscount, PriceCommands
from activities.catalog.register import AnnounceShow, CatalogCommands, RegisterVenue
from activities.sales.request_purchase import PurchaseCommands, RequestPurchase
from activities.sales.ticket_api_holds import HoldCommands, MakeReservation
from domain.catalog.discount import DiscountTerms
from domain.catalog.line import Line
from domain.catalog.show import TicketType
from domain.money.money import FeeRates
from tests.fakes.selling_engine import SellingEngine
from tests.fakes.shop_world import ApiWorld
from tests.fakes.small_tables import MemoryCheckouts


async def sell(store: Any) -> str:
    """Announce a show, sell two tickets with a discount, request two more, hold one internally; return the sale."""
    world = ApiWorld()
    world.store = store
    catalog, door = CatalogCommands(store), PurchaseCommands(store)
    await catalog.register_venue(
        RegisterVenue(tenant_id="default", venue_id="ve_1", name="Hall", rates=FeeRates(), body_digest="d")
    )
    floor = TicketType(ticket_type_id="tt_1", name="floor", price_minor=1000, capacity=5)
    show: dict[str, Any] = {"name": "Night", "currency": "eur", "hold_seconds": 600, "capture_method": "manual"}
    await catalog.announce_show(
        AnnounceShow(
            tenant_id="default", show_id="sh_1", venue_id="ve_1", ticket_types=[floor], body_digest="d", **show
        )
    )
    await world.announce("ve_1", "sh_1")
    engine, prices = SellingEngine(store, MemoryCheckouts()), PriceCommands(store)
    terms = DiscountTerms(amount_minor=500, limit=3, valid_from=datetime(2026, 1, 1, tzinfo=UTC))
    events = {"tenant_id": "default", "show_id": "sh_1", "body_digest": "d"}
    await prices.create_discount(CreateDiscount(key_id="dk_1", code="early", terms=terms, **events))
    for purchase_id in ("pu_1", "pu_2"):
        requested = await door.request_purchase(
            RequestPurchase(
                tenant_id="default",
                purchase_id=purchase_id,
                body_digest="d",
                show_id="sh_1",
                lines=[Line(ticket_type_id="tt_1", quantity=2)],
                buyer_id="bu_1",
                discount_code="EARLY",
                nonce="no_1" if purchase_id == "pu_1" else "",  # the other one as 0.1.0 made it
            )
        )
        if purchase_id == "pu_1":
            await engine.open_purchase(requested.purchase, requested.about)
    await world.pay("pu_1")
    window: dict[str, datetime | None] = {"sale_until": datetime(2100, 1, 1, tzinfo=UTC)}
    await prices.change_show(ChangeShow(show_id="sh_1", prices={"tt_1": 1_200}, window=window))
    lines = [Line(ticket_type_id="tt_1", quantity=1)]
    await HoldCommands(store).reserve(
        MakeReservation(tenant_id="default", reservation_id="re_1", show_id="sh_1", lines=lines, hold_seconds=1)
    )
    return "pu_1"
