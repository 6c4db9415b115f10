"""Show: its ticket types, prices, sale window and capacities, and its token group on chain."""

from collections.abc import Sequence
from dataclasses import field
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.catalog.details import ShowDetails, ShowState, state_of
from domain.core.aggregate import CreatedEvent, DomainEvent, sets
from domain.core.errors import NotOnSale, UnknownSubject, WrongState
from domain.money.currency import check_digits
from domain.money.money import Tax
from domain.money.payment_method import PaymentMethod
from domain.tickets.admission import ShowAtDoor
from domain.tickets.has_token import TokenizedAggregate
from domain.tickets.token import Minting, SignedTransaction, TransferPolicy

CaptureMethod = Literal["manual", "automatic"]
DAY_SECONDS = 86_400
# What a refusal says in each state, and the name of the moment that decides it.
NOT_ON_SALE: dict[ShowState, tuple[str, str]] = {
    "cancelled": ("the show is cancelled", ""),
    "over": ("the show was over", "over_at"),
    "announced": ("the show is not on sale: it is not registered on chain yet", ""),
    "scheduled": ("the sale begins", "sale_from"),
    "sale-ended": ("the sale ended", "sale_until"),
}


class TicketType(BaseModel):
    """A ticket type of a show: its price in minor units and its capacity."""

    model_config = ConfigDict(frozen=True)

    ticket_type_id: str
    name: str
    price_minor: int = Field(ge=0)
    capacity: int = Field(ge=1)


class ShowAnnounced(CreatedEvent["Show"]):
    """A show was announced; it is not on sale yet."""

    TOPIC = "show.announced"

    tenant_id: str
    venue_id: str
    name: str
    currency: str
    ticket_types: list[dict[str, Any]]
    hold_seconds: int
    capture_method: CaptureMethod
    body_digest: str
    tax_bps: int = 0
    tax_inclusive: bool = False
    sale_from: datetime | None = None
    sale_until: datetime | None = None
    buyer_tickets_max: int = 0
    ends_at: datetime | None = None
    resell_refunded: bool = False
    unnamed_share_percent: int = 100
    payment_methods: Sequence[PaymentMethod] = ()  # none: Stripe decides, by the settings of its dashboard
    processing_days: int | None = None  # that a payment may be processing; None: the deployment's limit
    transfer: TransferPolicy = "free"
    minting: Minting = "each"  # a token for each sold ticket, or a leaf of the show's tree until it is claimed
    details: dict[str, Any] | None = None  # times, place and texts: the fields of `ShowDetails` besides these

    def apply(self, show: "Show") -> None:
        """Set the details, the ticket types, the tax and the payment methods."""
        named = {"name": self.name, "ends_at": self.ends_at}
        show.details = ShowDetails.model_validate({**(self.details or {}), **named})
        show.ticket_types = {item["ticket_type_id"]: TicketType.model_validate(item) for item in self.ticket_types}
        show.tax = Tax(self.tax_bps, self.tax_inclusive)
        show.payment_methods = tuple(self.payment_methods)


class ShowWentOnSale(DomainEvent["Show"]):
    """The show's on-chain group exists: the sale opened."""

    TOPIC = "show.went-on-sale"
    apply = sets(on_sale=True)


class PriceChanged(DomainEvent["Show"]):
    """The price of a ticket type changed; placed orders keep their own price."""

    TOPIC = "show.price-changed"

    ticket_type_id: str
    price_minor: int

    def apply(self, show: "Show") -> None:
        """Replace the price."""
        show.reprice(self.ticket_type_id, self.price_minor)


class SaleWindowChanged(DomainEvent["Show"]):
    """The sale window of the show changed."""

    TOPIC = "show.sale-window-changed"

    sale_from: datetime | None
    sale_until: datetime | None

    apply = sets("sale_from", "sale_until")


class ShowCalledOff(DomainEvent["Show"]):
    """The show was cancelled: nothing is sold any more."""

    TOPIC = "show.called-off"
    apply = sets(called_off=True)


class CapacityChangeBegun(DomainEvent["Show"]):
    """A capacity change began: first shrinking stock, then the group on chain, then the rest."""

    TOPIC = "show.capacity-change-begun"

    number: int
    capacities: dict[str, int]

    def apply(self, show: "Show") -> None:
        """Mark the change as under way; no other change begins before its end."""
        show.capacity_changes = self.number
        show.capacities_asked = dict(self.capacities)


class GroupResizeSigned(DomainEvent["Show"]):
    """A transaction that resizes the show's group was signed; stored before it is sent."""

    TOPIC = "show.group-resize-signed"

    signed: dict[str, Any]

    def apply(self, show: "Show") -> None:
        """Keep the newest signed transaction."""
        show.resize_signed = SignedTransaction.model_validate(self.signed)


class GroupSizeConfirmed(DomainEvent["Show"]):
    """The show's group on chain was seen with the size that a capacity change needs."""

    TOPIC = "show.group-size-confirmed"

    number: int

    def apply(self, show: "Show") -> None:
        """Let the change raise the stock."""
        show.group_confirmed_for = self.number


class CapacityChangeEnded(DomainEvent["Show"]):
    """A capacity change was made, or given up because of the held and sold seats."""

    TOPIC = "show.capacity-change-ended"

    number: int
    made: bool

    def apply(self, show: "Show") -> None:
        """End the change; take over the capacities if they were made."""
        show.end_capacities(made=self.made)


class Show(TokenizedAggregate):
    """A show; its token is the group of its tickets."""

    TOPIC = "show"
    STREAM_CATEGORY = "show"

    tenant_id: str
    venue_id: str
    details: ShowDetails = field(init=False)
    currency: str
    ticket_types: dict[str, TicketType] = field(init=False)
    hold_seconds: int
    capture_method: CaptureMethod
    body_digest: str
    tax: Tax = field(init=False)
    sale_from: datetime | None
    sale_until: datetime | None
    buyer_tickets_max: int
    resell_refunded: bool
    unnamed_share_percent: int  # of a ticket type, for holds without a named buyer
    payment_methods: tuple[PaymentMethod, ...] = field(init=False)
    processing_days: int | None
    transfer: TransferPolicy
    minting: Minting
    on_sale: bool = False
    called_off: bool = False
    capacity_changes: int = 0  # the number of the newest one
    group_confirmed_for: int = 0  # the number of one whose group was seen on chain
    capacities_asked: dict[str, int] | None = None
    resize_signed: SignedTransaction | None = None
    added_group_capacity: dict[str, int] = field(default_factory=dict)  # by refund: burnt tokens stay members

    @property
    def name(self) -> str:
        """The name of the show."""
        return self.details.name

    @property
    def ends_at(self) -> datetime | None:
        """The announced end of the show."""
        return self.details.ends_at

    @property
    def capacity(self) -> int:
        """The capacity of all ticket types together, including a change under way."""
        requested = self.capacities_asked or {}
        return sum(requested.get(name, item.capacity) for name, item in self.ticket_types.items())

    @property
    def processing_seconds(self) -> int | None:
        """How long a payment may be processing after the hold's end; None: as long as the deployment says."""
        return None if self.processing_days is None else self.processing_days * DAY_SECONDS

    @property
    def group_size(self) -> int:
        """The `max_size` of the show's group on chain: the capacity, and burnt tokens whose seats are resold."""
        return self.capacity + sum(self.added_group_capacity.values())

    @property
    def mints_at_claim(self) -> bool:
        """Whether a ticket gets its token only when it is claimed: its wallet must be known, or a leaf proves it."""
        return self.transfer == "soulbound" or self.minting == "on_claim"

    @property
    def at_door(self) -> ShowAtDoor:
        """The show as the door knows it."""
        return ShowAtDoor(self.identity, self.details.doors_at, self.details.over_at, called_off=self.called_off)

    def resells(self, at: datetime) -> bool:
        """Return whether refunded seats go back on sale: the show allows it and its sale is not over."""
        return self.resell_refunded and self.state_at(at) not in {"cancelled", "over", "sale-ended"}

    def add_group_capacity(self, refund_id: str, quantity: int, at: datetime) -> None:
        """Enlarge the group on chain, once per refund."""
        if refund_id not in self.added_group_capacity:
            self.record(GroupCapacityAdded, at, refund_id=refund_id, quantity=quantity)

    def open_sale(self, at: datetime) -> None:
        """Go on sale; raise NotOnSale without a verified group on chain."""
        if self.mint_address is None:
            raise NotOnSale("the show is not registered on chain yet", show_id=self.identity)
        if not self.on_sale:
            self.record(ShowWentOnSale, at)

    def change_price(self, ticket_type_id: str, price_minor: int, at: datetime) -> None:
        """Change the price of a ticket type; the same price again changes nothing."""
        check_digits(price_minor, self.currency)
        if self.type_of(ticket_type_id).price_minor != price_minor:
            self.record(PriceChanged, at, ticket_type_id=ticket_type_id, price_minor=price_minor)

    def reprice(self, ticket_type_id: str, price_minor: int) -> None:
        """Assign the price of a ticket type."""
        known = self.ticket_types[ticket_type_id]
        self.ticket_types[ticket_type_id] = known.model_copy(update={"price_minor": price_minor})

    def change_window(self, sale_from: datetime | None, sale_until: datetime | None, at: datetime) -> None:
        """Change the sale window (None: unbounded); the same window again changes nothing."""
        check_order(sale_from, sale_until)
        if (sale_from, sale_until) != (self.sale_from, self.sale_until):
            self.record(SaleWindowChanged, at, sale_from=sale_from, sale_until=sale_until)

    def call_off(self, at: datetime) -> None:
        """Stop the sale for good; idempotent."""
        if not self.called_off:
            self.record(ShowCalledOff, at)

    def begin_capacities(self, capacities: dict[str, int], at: datetime) -> int:
        """Begin a capacity change and return its number; repeating the change under way returns its number.

        Ticket types that are not named keep their capacity. The sale must be open: until then the group on chain cannot
        be changed. Raise WrongState while another change is under way.
        """
        for ticket_type_id in capacities:
            self.sellable(ticket_type_id)
        if self.capacities_asked is None:
            self.record(CapacityChangeBegun, at, number=self.capacity_changes + 1, capacities=dict(capacities))
        elif self.capacities_asked != capacities:
            raise WrongState(
                "another capacity change of this show is under way; wait for its end", show_id=self.identity
            )
        return self.capacity_changes

    def capacities_of(self, number: int) -> dict[str, int] | None:
        """Return the capacities requested by a change; None after its end, so that a late step changes nothing."""
        return self.capacities_asked if number == self.capacity_changes else None

    def sign_resize(
        self, signed: SignedTransaction, wanted: int, after: SignedTransaction | None, at: datetime
    ) -> None:
        """Store a signed transaction, if `after` is still the newest one and `wanted` is still the group size."""
        if (self.resize_signed, self.group_size) == (after, wanted):
            self.record(GroupResizeSigned, at, signed=signed.model_dump())

    def confirm_group_size(self, number: int, at: datetime) -> None:
        """Record that the group on chain fits the change under way, once; nothing after the change's end."""
        if self.capacities_of(number) is not None and self.group_confirmed_for != number:
            self.record(GroupSizeConfirmed, at, number=number)

    def finish_capacities(self, number: int, at: datetime, *, made: bool) -> None:
        """End the change under way."""
        self.record(CapacityChangeEnded, at, number=number, made=made)

    def end_capacities(self, *, made: bool) -> None:
        """Assign the outcome of a capacity change."""
        for ticket_type_id, capacity in (self.capacities_asked or {}).items() if made else ():
            known = self.ticket_types[ticket_type_id]
            self.ticket_types[ticket_type_id] = known.model_copy(update={"capacity": capacity})
        self.capacities_asked = None

    def state_at(self, at: datetime) -> ShowState:
        """Return the state that people are shown, of a show with seats left."""
        window = (self.sale_from, self.sale_until)
        opened, over_at = self.on_sale, self.details.over_at
        return state_of(called_off=self.called_off, opened=opened, over_at=over_at, window=window, available=1, at=at)

    def check_window(self, at: datetime) -> None:
        """Raise NotOnSale outside the sale window, and where nobody sells."""
        if (state := self.state_at(at)) != "on-sale":
            raise self._not_on_sale(state)

    def check_over(self, at: datetime) -> None:
        """Raise NotOnSale once the show is over or cancelled: then nobody sells, the counter neither."""
        if (state := self.state_at(at)) in {"over", "cancelled"}:
            raise self._not_on_sale(state)

    def sellable(self, ticket_type_id: str) -> TicketType:
        """Return a ticket type of a show that is on sale; raise NotOnSale or UnknownSubject otherwise."""
        if self.called_off or not self.on_sale:
            raise self._not_on_sale("cancelled" if self.called_off else "announced")
        return self.type_of(ticket_type_id)

    def _not_on_sale(self, state: ShowState) -> NotOnSale:
        """Return the refusal in a state, with the moment that decides it."""
        moments = {"over_at": self.details.over_at, "sale_from": self.sale_from, "sale_until": self.sale_until}
        text, name = NOT_ON_SALE[state]
        if (moment := moments.get(name)) is None:
            return NotOnSale(text, show_id=self.identity)
        return NotOnSale(f"{text} at {moment.isoformat()}", show_id=self.identity, **{name: moment.isoformat()})

    def type_of(self, ticket_type_id: str) -> TicketType:
        """Return a ticket type of this show; raise UnknownSubject if there is none."""
        if ticket_type_id not in self.ticket_types:
            raise UnknownSubject(
                f"show {self.identity} has no ticket type {ticket_type_id}", ticket_type_id=ticket_type_id
            )
        return self.ticket_types[ticket_type_id]


def check_order(sale_from: datetime | None, sale_until: datetime | None) -> None:
    """Raise WrongState for a sale window that ends before it begins."""
    if sale_from is not None and sale_until is not None and sale_from >= sale_until:
        raise WrongState("sale_until must be later than sale_from")


class GroupCapacityAdded(DomainEvent["Show"]):
    """The show's group on chain is to be enlarged: the burnt tokens of this refund remain its members."""

    TOPIC = "show.group-capacity-added"

    refund_id: str
    quantity: int

    def apply(self, show: "Show") -> None:
        """Add the quantity to the group size, independently of the capacity."""
        show.added_group_capacity[self.refund_id] = self.quantity
