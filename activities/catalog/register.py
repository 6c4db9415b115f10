"""The catalogue's facts: venues and shows, recorded at the door and opened when they stand on chain."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from temporalio import activity

from activities.core.commands import Command, MintSubject
from activities.core.ports import Ledger
from domain.catalog.show import Show, ShowAnnounced, TicketType, check_order
from domain.catalog.venue import Venue, VenueRegistered
from domain.core.errors import KeyReused
from domain.core.unit_of_work import Desk
from domain.money.currency import check_digits
from domain.money.money import FeeRates
from domain.stock.allocation import Allocation, AllocationOpened


class RegisterVenue(Command):
    """A venue that wants to sell; `body_digest` is of the request, to recognise a reused key."""

    tenant_id: str
    venue_id: str
    name: str
    rates: FeeRates
    body_digest: str


class AnnounceShow(Command):
    """A show that a venue wants to sell, with its stock."""

    tenant_id: str
    show_id: str
    venue_id: str
    name: str
    currency: str
    ticket_types: Sequence[TicketType]
    hold_seconds: int
    capture_method: Literal["manual", "automatic"]
    body_digest: str
    tax_bps: int = 0
    tax_inclusive: bool = False
    sale_from: datetime | None = None
    sale_until: datetime | None = None
    buyer_tickets_max: int = 0
    ends_at: datetime | None = None
    resell_refunded: bool = False


class CatalogActivities:
    """Records venues and shows; a repeat with the same body changes nothing."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def register_venue(self, command: RegisterVenue) -> int:
        """Record a venue; returns the ledger's position."""
        return (await self._ledger.commit(lambda desk: _register(desk, command))).position

    async def announce_show(self, command: AnnounceShow) -> int:
        """Record a show and open its stock; returns the ledger's position."""
        return (await self._ledger.commit(lambda desk: _announce(desk, command))).position

    @activity.defn(name="open_sale")
    async def open_sale(self, subject: MintSubject) -> None:
        """Put a show on sale, once its group stands on chain."""
        await self._ledger.commit(lambda desk: desk.get(Show, subject.subject_id).open_sale(desk.at))


def _register(desk: Desk, command: RegisterVenue) -> None:
    known = desk.find(Venue, command.venue_id)
    if known is None:
        values = command.model_dump(exclude={"venue_id"})
        desk.add(Venue.begin(VenueRegistered, command.venue_id, desk.at, **values))
    elif known.body_digest != command.body_digest:
        raise KeyReused("this Idempotency-Key was used with another body")


def _announce(desk: Desk, command: AnnounceShow) -> None:
    desk.get(Venue, command.venue_id)
    known = desk.find(Show, command.show_id)
    if known is not None:
        if known.body_digest != command.body_digest:
            raise KeyReused("this Idempotency-Key was used with another body")
        return
    check_order(command.sale_from, command.sale_until)
    for item in command.ticket_types:
        check_digits(item.price_minor, command.currency)
    desk.add(Show.begin(ShowAnnounced, command.show_id, desk.at, **command.model_dump(exclude={"show_id"})))
    for item in command.ticket_types:
        desk.add(
            Allocation.begin(
                AllocationOpened,
                item.ticket_type_id,
                desk.at,
                tenant_id=command.tenant_id,
                show_id=command.show_id,
                ticket_type_id=item.ticket_type_id,
                capacity=item.capacity,
            )
        )
