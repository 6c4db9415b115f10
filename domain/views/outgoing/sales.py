"""The mappings of orders, tickets and shows."""

from typing import Any

from domain.catalog.changing import ShowDetailsChanged
from domain.catalog.details import ShowDetails
from domain.catalog.show import (
    CapacityChangeEnded,
    PriceChanged,
    SaleWindowChanged,
    ShowAnnounced,
    ShowCalledOff,
    ShowWentOnSale,
)
from domain.catalog.show_cancellation import ShowCancellationFinished
from domain.core.aggregate import DomainEvent
from domain.core.ids import order_ref_of
from domain.core.timestamp import iso
from domain.orders.order import OrderCancelled, OrderConfirmed, OrderFulfilled
from domain.tickets.has_token import TokenMinted
from domain.tickets.ticket import (
    EntryUndone,
    TicketBlocked,
    TicketIssued,
    TicketRedeemed,
    TicketUnblocked,
    TicketVoided,
)
from domain.views.outgoing.data import (
    AnnouncedTicketType,
    OrderCancelled1,
    OrderConfirmed1,
    OrderFulfilled1,
    OrderLine,
    ShowAnnounced1,
    ShowCancelled1,
    ShowCapacityChanged1,
    ShowDetailsChanged1,
    ShowOnSale1,
    ShowPriceChanged1,
    ShowRefunded1,
    ShowSaleWindowChanged1,
    TicketBlocked1,
    TicketCheckedIn1,
    TicketCheckInUndone1,
    TicketIssued1,
    TicketMinted1,
    TicketUnblocked1,
    TicketVoid1,
)
from domain.views.outgoing.event import EventOwner
from domain.views.outgoing.mapping import Documents, Found, OwnedData, owner_of, tell, tells
from domain.views.purchase import PurchaseDocument


def _sold(documents: Documents, event: DomainEvent) -> tuple[PurchaseDocument, EventOwner, dict[str, Any]] | None:
    """Return the purchase of an order's event, its owner, and the fields that name it."""
    purchase = documents.purchase(event.identity)
    if purchase is None:
        return None
    purchase_id, show_id = purchase["purchase_id"], purchase["show_id"]
    owner = owner_of(documents, purchase["tenant_id"], show_id, purchase_id)
    named = {"purchase_id": purchase_id, "order_ref": order_ref_of(purchase_id), "show_id": show_id}
    return purchase, owner, named


@tells(OrderConfirmed)
def order_confirmed(event: OrderConfirmed, documents: Documents) -> OwnedData | None:
    """Tell that an order is sold."""
    found = _sold(documents, event)
    if found is None or (price := found[0]["price"]) is None:
        return None
    purchase, owner, named = found
    lines = [
        OrderLine(
            ticket_type_id=line["ticket_type_id"],
            quantity=line["quantity"],
            price_minor=line["price_minor"] or 0,
            discount_minor=line["discount_minor"],
        )
        for line in purchase["lines"]
    ]
    data = OrderConfirmed1(
        **named,
        venue_id=purchase["venue_id"] or "",
        currency=price["currency"],
        total_minor=price["total_minor"],
        tax_minor=price["tax_minor"],
        lines=lines,
        ticket_ids=[ticket["ticket_id"] for ticket in purchase["tickets"]],
    )
    return OwnedData(owner, data)


@tells(OrderFulfilled)
def order_fulfilled(event: OrderFulfilled, documents: Documents) -> OwnedData | None:
    """Tell that all of an order is delivered."""
    if (found := _sold(documents, event)) is None:
        return None
    purchase, owner, named = found
    return OwnedData(owner, OrderFulfilled1(**named, venue_id=purchase["venue_id"] or ""))


@tells(OrderCancelled)
def order_cancelled(event: OrderCancelled, documents: Documents) -> OwnedData | None:
    """Tell that a purchase ended without a sale."""
    if (found := _sold(documents, event)) is None:
        return None
    return OwnedData(found[1], OrderCancelled1(**found[2], reason=event.reason))


def _ticket(documents: Documents, event: DomainEvent) -> Found | None:
    """Return the owner of a ticket's event, and the fields that name the ticket; None for another subject's token."""
    ticket = documents.ticket(event.identity) if event.originator_id.startswith("ticket:") else None
    if ticket is None:
        return None
    named = {name: ticket[name] for name in ("ticket_id", "ticket_type_id", "show_id", "purchase_id")}
    return owner_of(documents, ticket["tenant_id"], ticket["show_id"], ticket["purchase_id"]), named


tell(TicketIssued, _ticket, TicketIssued1)
tell(TicketVoided, _ticket, TicketVoid1)
tell(TicketRedeemed, _ticket, TicketCheckedIn1)
tell(EntryUndone, _ticket, TicketCheckInUndone1)
tell(TicketBlocked, _ticket, TicketBlocked1, lambda event: {"dispute_id": event.dispute_id})
tell(
    TokenMinted,
    _ticket,
    TicketMinted1,
    lambda event: {"mint_address": event.mint_address, "signature": event.signature},
)


@tells(TicketUnblocked)
def ticket_unblocked(event: TicketUnblocked, documents: Documents) -> OwnedData | None:
    """Tell that a dispute blocks a ticket no longer."""
    found, ticket = _ticket(documents, event), documents.ticket(event.identity)
    if found is None or ticket is None:
        return None
    data = TicketUnblocked1(**found[1], dispute_id=event.dispute_id, blocked=ticket["blocked"])
    return OwnedData(found[0], data)


@tells(ShowAnnounced)
def show_announced(event: ShowAnnounced, _: Documents) -> OwnedData:
    """Tell that a show was announced."""
    names = AnnouncedTicketType.model_fields
    details = ShowDetails.model_validate({**(event.details or {}), "name": event.name, "ends_at": event.ends_at})
    data = ShowAnnounced1(
        show_id=event.identity,
        venue_id=event.venue_id,
        name=event.name,
        currency=event.currency,
        ticket_types=[AnnouncedTicketType(**{name: item[name] for name in names}) for item in event.ticket_types],
        sale_from=iso(event.sale_from),
        sale_until=iso(event.sale_until),
        **_when_and_where(details),
    )
    return OwnedData(EventOwner(event.tenant_id, event.venue_id, data.show_id), data)


def _when_and_where(details: ShowDetails | ShowDetailsChanged) -> dict[str, Any]:
    """Return when and where a show is, and until when its buyers may give tickets back."""
    times = {name: iso(getattr(details, name)) for name in ("starts_at", "doors_at", "ends_at", "refund_until")}
    return {**times, "time_zone": details.time_zone, "place": details.place}


def _show(documents: Documents, event: DomainEvent) -> Found | None:
    """Return the owner of a show's event, and the fields that name the show."""
    show = documents.show(event.identity)
    if show is None:
        return None
    named = {"show_id": show["show_id"], "venue_id": show["venue_id"]}
    return EventOwner(show["tenant_id"], show["venue_id"], show["show_id"]), named


tell(ShowWentOnSale, _show, ShowOnSale1)
tell(ShowCalledOff, _show, ShowCancelled1)
tell(ShowCancellationFinished, _show, ShowRefunded1)
tell(
    SaleWindowChanged,
    _show,
    ShowSaleWindowChanged1,
    lambda event: {"sale_from": iso(event.sale_from), "sale_until": iso(event.sale_until)},
)
tell(
    ShowDetailsChanged,
    _show,
    ShowDetailsChanged1,
    lambda event: {"name": event.name, **_when_and_where(event)},
)


@tells(PriceChanged)
def show_price_changed(event: PriceChanged, documents: Documents) -> OwnedData | None:
    """Tell a new price."""
    found, show = _show(documents, event), documents.show(event.identity)
    if found is None or show is None:
        return None
    price = {"ticket_type_id": event.ticket_type_id, "price_minor": event.price_minor}
    return OwnedData(found[0], ShowPriceChanged1(**found[1], **price, currency=show["currency"]))


@tells(CapacityChangeEnded)
def show_capacity_changed(event: CapacityChangeEnded, documents: Documents) -> OwnedData | None:
    """Tell new capacities; a change that was given up changed nothing."""
    found, show = _show(documents, event), documents.show(event.identity)
    change = show["capacity_change"] if show else None
    if found is None or change is None or not event.made:
        return None
    return OwnedData(found[0], ShowCapacityChanged1(**found[1], capacities=change["capacities"]))
