"""The lists, and their rows: one flat row per document, with what a person looks for."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

from typing_extensions import TypedDict

from domain.core.ids import order_ref_of
from domain.core.timestamp import Timestamp
from domain.money.money import Tender
from domain.payments.dispute import DisputeState
from domain.payments.refund import RefundState
from domain.payouts.payout import PayoutState
from domain.tickets.ticket import TicketState
from domain.views.catalog import DiscountDocument, ShowDocument, VenueDocument
from domain.views.common import TokenWord
from domain.views.listed import Listing, Place
from domain.views.payouts import PayoutDocument
from domain.views.purchase import (
    Attention,
    DisputeDocument,
    DisputeProgress,
    PurchaseDocument,
    PurchaseState,
    RefundDocument,
    RefundProgress,
    TicketDocument,
)

ShowWord = Literal["announced", "opened", "cancelled"]
DiscountWord = Literal["active", "stopped"]


class VenueRow(TypedDict):
    """A venue."""

    venue_id: str
    name: str
    registered_at: Timestamp
    token: TokenWord


class ShowRow(TypedDict):
    """A show; `capacity` is that of its ticket types together."""

    show_id: str
    venue_id: str
    name: str
    state: ShowWord
    currency: str
    capacity: int
    ends_at: Timestamp | None
    registered_at: Timestamp


class PurchaseRow(TypedDict):
    """A purchase; amounts are in minor units of `currency`, null until the price is locked.

    `order_ref` can be read out on the telephone. `attention` names what somebody has to act on.
    """

    purchase_id: str
    order_ref: str
    state: PurchaseState
    show_id: str
    venue_id: str | None
    requested_at: Timestamp
    confirmed_at: Timestamp | None
    tickets: int
    currency: str | None
    total_minor: int | None
    tender: Tender | None
    discount_code: str | None
    refund_state: RefundProgress
    dispute_state: DisputeProgress
    end_reason: str | None
    attention: list[Attention]


class TicketRow(TypedDict):
    """A ticket, and its token."""

    ticket_id: str
    purchase_id: str
    order_ref: str | None
    show_id: str
    ticket_type_id: str
    state: TicketState
    blocked: bool
    token: TokenWord
    mint_address: str | None
    reserved_at: Timestamp


class RefundRow(TypedDict):
    """A refund; the amount is in minor units of `currency`."""

    refund_id: str
    purchase_id: str
    order_ref: str
    show_id: str
    state: RefundState
    amount_minor: int
    currency: str
    reason: str
    in_cash: bool
    owed_at_till: bool
    ticket_ids: list[str]
    failure: str | None
    requested_at: Timestamp
    succeeded_at: Timestamp | None


class DisputeRow(TypedDict):
    """A dispute; amounts are in minor units of `currency`."""

    dispute_id: str
    purchase_id: str
    order_ref: str
    venue_id: str
    show_id: str
    state: DisputeState
    amount_minor: int
    returned_minor: int
    currency: str
    opened_at: Timestamp
    decided_at: Timestamp | None


class DiscountRow(TypedDict):
    """A discount code of a show; `in_use` counts the orders that use a limited one, `uses` those with any.

    One that is `stopped` is refused.
    """

    show_id: str
    code: str
    percent_bps: int | None
    amount_minor: int | None
    limit: int | None
    in_use: int
    uses: int
    state: DiscountWord
    valid_from: Timestamp | None
    valid_until: Timestamp | None
    created_at: Timestamp


class PayoutRow(TypedDict):
    """A payout between a venue's Stripe account and its bank; negative comes from the bank."""

    payout_id: str
    venue_id: str
    state: PayoutState
    amount_minor: int
    currency: str
    paid_at: Timestamp
    failure: str | None


def attention_of(purchase: PurchaseDocument) -> list[Attention]:
    """Return what of a purchase somebody has to act on."""
    payment, transfer, refunds = purchase["payment"], purchase["transfer"], purchase["refunds"]
    found: dict[Attention, bool] = {
        "refund-failed": any(one["state"] == "failed" for one in refunds),
        "cash-owed": any(one["owed_at_till"] for one in refunds),
        "payment-owed": payment is not None and payment["owed_minor"] > 0,
        "dispute-open": purchase["dispute_state"] == "open",
        "transfer-refused": transfer is not None and transfer["state"] == "refused",
    }
    return [word for word, is_so in found.items() if is_so]


def show_state(show: ShowDocument) -> ShowWord:
    """Return the recorded state of a show: announced, opened once it is on chain, or cancelled."""
    return "cancelled" if show["called_off"] else "opened" if show["on_sale"] else "announced"


def _reference(document: Mapping[str, Any]) -> str:
    return order_ref_of(document["purchase_id"])


def _discount_word(discount: DiscountDocument) -> DiscountWord:
    return "stopped" if discount["stopped"] else "active"


REFERENCE: dict[str, Callable[[Any], str]] = {"order_ref": _reference}
VENUE_LIST = Listing(
    "venues",
    ("registered",),
    lambda one: Place.of(one, one["registered_at"], "registered"),
    VenueDocument,
    VenueRow,
)
SHOW_LIST = Listing(
    "shows",
    get_args(ShowWord),
    lambda one: Place.of(one, one["registered_at"], show_state(one)),
    ShowDocument,
    ShowRow,
    {"state": show_state, "capacity": lambda one: sum(item["capacity"] for item in one["ticket_types"])},
)
PURCHASE_LIST = Listing(
    "purchases",
    get_args(PurchaseState),
    lambda one: Place.of(one, one["requested_at"], needs_attention=bool(attention_of(one))),
    PurchaseDocument,
    PurchaseRow,
    {
        **REFERENCE,
        "tickets": lambda one: sum(line["quantity"] for line in one["lines"]),
        "currency": lambda one: one["price"] and one["price"]["currency"],
        "total_minor": lambda one: one["price"] and one["price"]["total_minor"],
        "tender": lambda one: one["price"] and one["price"]["tender"],
        "attention": attention_of,
    },
)
TICKET_LIST = Listing(
    "tickets",
    get_args(TicketState),
    lambda one: Place.of(one, one["reserved_at"], needs_attention=one["blocked"]),
    TicketDocument,
    TicketRow,
    {"order_ref": lambda one: _reference(one) if one["purchase_id"].startswith("pu_") else None},
)
REFUND_LIST = Listing(
    "refunds",
    get_args(RefundState),
    lambda one: Place.of(one, one["requested_at"], needs_attention=one["state"] == "failed" or one["owed_at_till"]),
    RefundDocument,
    RefundRow,
    REFERENCE,
)
DISPUTE_LIST = Listing(
    "disputes",
    get_args(DisputeState),
    lambda one: Place.of(one, one["opened_at"], needs_attention=one["state"] == "open"),
    DisputeDocument,
    DisputeRow,
    REFERENCE,
)
DISCOUNT_LIST = Listing(
    "discounts",
    get_args(DiscountWord),
    lambda one: Place.of(one, one["created_at"], _discount_word(one)),
    DiscountDocument,
    DiscountRow,
    {"state": _discount_word},
)
PAYOUT_LIST = Listing(
    "payouts",
    get_args(PayoutState),
    lambda one: Place.of(one, one["paid_at"]),
    PayoutDocument,
    PayoutRow,
)
LISTINGS: tuple[Listing[Any, Any], ...] = tuple(
    found for found in tuple(globals().values()) if isinstance(found, Listing)
)
