"""The catalogue: venues and shows, recorded on request and opened once they are on chain."""

from collections.abc import Sequence
from datetime import datetime

from activities.core.about import About
from activities.core.commands import Command, MintSubject
from activities.core.ports import EventStore
from activities.core.task_queues import PURCHASES, activity_on
from domain.catalog.details import ShowDetails
from domain.catalog.pricing import check_chargeable
from domain.catalog.show import CaptureMethod, Show, ShowAnnounced, TicketType, check_order
from domain.catalog.venue import ServiceAgreement, Venue, VenueRegistered
from domain.core.errors import KeyReused, WrongState
from domain.core.evidence import EvidenceMissing
from domain.core.unit_of_work import UnitOfWork
from domain.money.currency import check_currency, check_digits
from domain.money.money import FeeRates
from domain.money.payment_method import PaymentMethod, check_methods
from domain.payouts.payee import Payee
from domain.stock.allocation import Allocation, AllocationOpened
from domain.tickets.token import Minting, TransferPolicy

DETAILS = ShowDetails.model_fields.keys() - {"name", "ends_at"}  # fields of the event by themselves


class RegisterVenue(Command):
    """A venue to register; `body_digest` is of the request, to recognise a reused key."""

    tenant_id: str
    venue_id: str
    name: str
    rates: FeeRates
    body_digest: str
    country: str = ""
    agreement: ServiceAgreement = "full"
    time_zone: str = ""


class ChangeVenue(Command):
    """A new time zone of a venue."""

    venue_id: str
    time_zone: str


class ShowTerms(ShowDetails):
    """A show of a venue: its details, its ticket types and the terms of its sale."""

    show_id: str
    venue_id: str
    currency: str
    ticket_types: Sequence[TicketType]
    hold_seconds: int
    capture_method: CaptureMethod
    tax_bps: int = 0
    tax_inclusive: bool = False
    sale_from: datetime | None = None
    sale_until: datetime | None = None
    buyer_tickets_max: int = 0
    resell_refunded: bool = False
    unnamed_share_percent: int = 100
    payment_methods: Sequence[PaymentMethod] = ()
    processing_days: int | None = None
    transfer: TransferPolicy = "free"
    minting: Minting = "each"


class AnnounceShow(ShowTerms):
    """A show to announce; `body_digest` is of the request, to recognise a reused key."""

    tenant_id: str
    body_digest: str


class CatalogCommands:
    """Records venues and shows. Idempotent for the same key and body."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def register_venue(self, command: RegisterVenue) -> int:
        """Record a venue; return the event store's position."""
        return (await self._store.commit(lambda uow: _register(uow, command))).position

    async def change_venue(self, command: ChangeVenue) -> int:
        """Change a venue; return the event store's position. The same again changes nothing."""

        def decide(uow: UnitOfWork) -> None:
            uow.get(Venue, command.venue_id).change_zone(command.time_zone, uow.at)

        return (await self._store.commit(decide)).position

    async def announce_show(self, command: AnnounceShow) -> int:
        """Record a show and open its stock; return the event store's position."""
        return (await self._store.commit(lambda uow: _announce(uow, command))).position

    async def about(self, show_id: str) -> About:
        """Return a show and its venue, for operators."""
        show = await self._store.read(lambda uow: uow.get(Show, show_id), (Show.stream(show_id),))
        return About(show_id=show_id, venue_id=show.venue_id, show_name=show.name)


class CatalogActivities:
    """Puts shows on sale."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    @activity_on(PURCHASES, name="open_sale")
    async def open_sale(self, subject: MintSubject) -> None:
        """Put a show on sale; refuse before its group is recorded as on chain."""

        def decide(uow: UnitOfWork) -> None:
            show = uow.get(Show, subject.subject_id)
            if show.mint_address is None:
                raise EvidenceMissing("no group of the show on chain is recorded", show_id=show.identity)
            show.open_sale(uow.at)

        await self._store.commit(decide)


def _register(uow: UnitOfWork, command: RegisterVenue) -> None:
    known = uow.find(Venue, command.venue_id)
    if known is None:
        values = command.model_dump(exclude={"venue_id"})
        uow.add(Venue.begin(VenueRegistered, command.venue_id, uow.at, **values))
    elif known.body_digest != command.body_digest:
        raise KeyReused("this Idempotency-Key was used with a different body")


def _check_settlement(uow: UnitOfWork, command: AnnounceShow) -> None:
    """Refuse a show whose currency the venue's Stripe account does not settle in: its shares would be converted."""
    payee = uow.find(Payee, command.venue_id)
    settled = payee.settlement_currencies if payee is not None else ()
    if settled and command.currency not in settled:
        raise WrongState(
            f"the venue's Stripe account settles in {', '.join(settled)}, not in {command.currency}: add a bank account"
            f" in {command.currency} at Stripe, or announce the show in another currency",
            currency=command.currency,
        )


def _announce(uow: UnitOfWork, command: AnnounceShow) -> None:
    venue = uow.get(Venue, command.venue_id)
    known = uow.find(Show, command.show_id)
    if known is not None:
        if known.body_digest != command.body_digest:
            raise KeyReused("this Idempotency-Key was used with a different body")
        return
    check_order(command.sale_from, command.sale_until)
    check_currency(command.currency)
    venue.rates.fixed_in(command.currency)
    _check_settlement(uow, command)
    check_methods(command.payment_methods, command.capture_method)
    for item in command.ticket_types:
        check_digits(item.price_minor, command.currency)
    command.check()
    terms = command.model_dump(exclude={"show_id", *DETAILS})
    terms["details"] = command.model_dump(include=DETAILS, exclude_defaults=True) or None
    check_chargeable(uow.add(Show.begin(ShowAnnounced, command.show_id, uow.at, **terms)), venue.rates)
    for item in command.ticket_types:
        stock = {"tenant_id": command.tenant_id, "show_id": command.show_id, "capacity": item.capacity}
        type_id = item.ticket_type_id
        uow.add(Allocation.begin(AllocationOpened, type_id, uow.at, ticket_type_id=type_id, **stock))
