"""Views of venues, shows, their stock and their discounts."""

from datetime import datetime
from typing import Literal, NotRequired, cast

from typing_extensions import TypedDict

from domain.catalog.details import ShowDetails, ShowState, state_of
from domain.catalog.discount import DiscountTerms
from domain.catalog.show import CaptureMethod
from domain.core.timestamp import Timestamp
from domain.money.money import FeeRates, FeesMode
from domain.money.payment_method import PaymentMethod
from domain.stock.reservation import ReservationState
from domain.tickets.token import Minting, TransferPolicy
from domain.views.common import TokenFields, part_of

SalesUnit = Literal["hour", "day"]


class FixedFeesDocument(TypedDict):
    """The fixed parts of both fees per order, in minor units of one currency."""

    currency: str
    platform_minor: int
    processing_minor: int


class RatesDocument(TypedDict):
    """The fee rates of a venue; rates are in ten-thousandths. `fixed_fees` is left out where there are none."""

    platform_bps: int
    processing_bps: int
    processing_fixed_minor: int
    platform_fixed_minor: int
    fees: FeesMode
    fixed_fees: NotRequired[list[FixedFeesDocument]]


def rates_document(rates: FeeRates) -> RatesDocument:
    """Return the document of fee rates."""
    return cast("RatesDocument", rates.model_dump(mode="json"))


class VenueDocument(TokenFields):
    """A venue; `mint_address` is its token group on chain. `time_zone` is empty where the venue has said none."""

    venue_id: str
    tenant_id: str
    name: str
    rates: RatesDocument
    time_zone: str
    registered_at: Timestamp


class TicketTypeDocument(TypedDict):
    """One kind of ticket at its present price.

    `image_cid` names the newest picture of its tokens, `/ipfs/{cid}`; it is left out until one is drawn.
    """

    ticket_type_id: str
    name: str
    price_minor: int
    capacity: int
    image_cid: NotRequired[str]


class StockedTicketType(TicketTypeDocument):
    """One kind of ticket with its stock: available = capacity - held - sold."""

    held: int
    sold: int
    available: int


class TaxDocument(TypedDict):
    """The tax on a show's tickets; a rate of 0 is no tax."""

    rate_bps: int
    inclusive: bool


class CapacityChangeDocument(TypedDict):
    """The newest capacity change of a show: the wanted capacity of each ticket type."""

    number: int
    capacities: dict[str, int]
    state: Literal["under-way", "made", "refused"]


class ShowOwner(TypedDict):
    """The name of a show, and its venue."""

    venue_id: str
    name: str


class DetailsDocument(TypedDict):
    """Name, times, place and texts of a show; `over_at` is the moment from which nothing is sold.

    Until `refund_until` its buyers may have their tickets refunded by themselves; null: at any time.
    """

    name: str
    starts_at: Timestamp | None
    doors_at: Timestamp | None
    ends_at: Timestamp | None
    over_at: Timestamp | None
    time_zone: str
    place: str
    description: str
    image_url: str
    contact: str
    refund_until: Timestamp | None


class ShowFields(TokenFields, DetailsDocument):
    """A show, without its ticket types; an open end of the sale window is null."""

    show_id: str
    venue_id: str
    tenant_id: str
    currency: str
    hold_seconds: int
    capture_method: CaptureMethod
    on_sale: bool
    called_off: bool
    capacity_change: CapacityChangeDocument | None
    tax: TaxDocument
    sale_from: Timestamp | None
    sale_until: Timestamp | None
    resell_refunded: bool
    unnamed_share_percent: int
    payment_methods: list[PaymentMethod]
    processing_days: int | None
    transfer: TransferPolicy
    minting: Minting
    registered_at: Timestamp
    buyer_tickets_max: int


class ShowDocument(ShowFields):
    """A show as stored; its stock is stored separately."""

    ticket_types: list[TicketTypeDocument]


class StockedShow(ShowFields):
    """A show with the stock of each ticket type."""

    ticket_types: list[StockedTicketType]


class AllocationDocument(TypedDict):
    """The stock of one ticket type."""

    show_id: str
    capacity: int
    held: int
    sold: int


class HoldDocument(TypedDict):
    """One hold on stock, and the channel that placed it."""

    quantity: int
    maker: str


class TermsDocument(TypedDict):
    """The terms of a discount: either a percentage or an amount; no ticket types named means all."""

    percent_bps: int | None
    amount_minor: int | None
    ticket_type_ids: list[str]
    limit: int | None
    tickets_max: int | None
    valid_from: Timestamp | None
    valid_until: Timestamp | None


def terms_document(terms: DiscountTerms) -> TermsDocument:
    """Return the document of the terms of a discount."""
    return part_of(terms, TermsDocument)


def details_document(details: ShowDetails) -> DetailsDocument:
    """Return the document of a show's details."""
    return part_of(details, DetailsDocument)


class DiscountFields(TermsDocument):
    """A discount of a show."""

    show_id: str
    code: str


class DiscountDocument(DiscountFields):
    """A discount of a show; `in_use` counts the orders that use a limited discount.

    `uses` counts the orders with tickets that were bought with it, limited or not. A use comes back with the last
    ticket of its order. One that is `stopped` is refused.
    """

    tenant_id: str
    in_use: int
    uses: int
    stopped: bool
    created_at: Timestamp


class ReservationDocument(TypedDict):
    """A reservation of the ticket API."""

    tenant_id: str
    show_id: str
    until: Timestamp
    state: ReservationState


class FileDocument(TypedDict):
    """A file of tokens' metadata, which its CID names; `subject` is the stream of the venue or show that drew it."""

    cid: str
    media_type: str
    content: str
    subject: str
    pinned: bool


class SalesSum(TypedDict):
    """The sales of one hour or day, as they were made: a later refund changes nothing here.

    `total_minor` is what their buyers paid, in minor units of the show's currency.
    """

    at: Timestamp
    orders: int
    tickets: int
    total_minor: int


class TokenCounts(TypedDict):
    """The sold tickets of a show that are not void, by their tokens.

    Each is `minted`, a leaf of the show's tree, or its token is still owed.
    """

    minted: int
    leaves: int
    owed: int


class ShowSales(TypedDict):
    """The sales of a show, the earliest first, in periods that had some, and its tokens."""

    sales: list[SalesSum]
    tokens: TokenCounts


def state_at(show: StockedShow, at: datetime) -> ShowState:
    """Return the state of a show at a moment."""
    return state_of(
        called_off=show["called_off"],
        opened=show["on_sale"],
        over_at=moment_of(show["over_at"]),
        window=(moment_of(show["sale_from"]), moment_of(show["sale_until"])),
        available=sum(item["available"] for item in show["ticket_types"]),
        at=at,
    )


def moment_of(text: str | None) -> datetime | None:
    """Return the moment of a timestamp; None stays None."""
    return None if text is None else datetime.fromisoformat(text)
