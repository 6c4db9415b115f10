"""The lists, and their rows: one flat row per document, with what a person looks for."""

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


def _venue(venue: VenueDocument) -> VenueRow:
    return {
        "venue_id": venue["venue_id"],
        "name": venue["name"],
        "registered_at": venue["registered_at"],
        "token": venue["token"],
    }


def _show(show: ShowDocument) -> ShowRow:
    return {
        "show_id": show["show_id"],
        "venue_id": show["venue_id"],
        "name": show["name"],
        "state": show_state(show),
        "currency": show["currency"],
        "capacity": sum(item["capacity"] for item in show["ticket_types"]),
        "ends_at": show["ends_at"],
        "registered_at": show["registered_at"],
    }


def _purchase(purchase: PurchaseDocument) -> PurchaseRow:
    price = purchase["price"]
    return {
        "purchase_id": purchase["purchase_id"],
        "order_ref": order_ref_of(purchase["purchase_id"]),
        "state": purchase["state"],
        "show_id": purchase["show_id"],
        "venue_id": purchase["venue_id"],
        "requested_at": purchase["requested_at"],
        "confirmed_at": purchase["confirmed_at"],
        "tickets": sum(line["quantity"] for line in purchase["lines"]),
        "currency": price["currency"] if price else None,
        "total_minor": price["total_minor"] if price else None,
        "tender": price["tender"] if price else None,
        "discount_code": purchase["discount_code"],
        "refund_state": purchase["refund_state"],
        "dispute_state": purchase["dispute_state"],
        "end_reason": purchase["end_reason"],
        "attention": attention_of(purchase),
    }


def _ticket(ticket: TicketDocument) -> TicketRow:
    purchase_id = ticket["purchase_id"]
    return {
        "ticket_id": ticket["ticket_id"],
        "purchase_id": purchase_id,
        "order_ref": order_ref_of(purchase_id) if purchase_id.startswith("pu_") else None,
        "show_id": ticket["show_id"],
        "ticket_type_id": ticket["ticket_type_id"],
        "state": ticket["state"],
        "blocked": ticket["blocked"],
        "token": ticket["token"],
        "mint_address": ticket["mint_address"],
        "reserved_at": ticket["reserved_at"],
    }


def _refund(refund: RefundDocument) -> RefundRow:
    return {
        "refund_id": refund["refund_id"],
        "purchase_id": refund["purchase_id"],
        "order_ref": order_ref_of(refund["purchase_id"]),
        "show_id": refund["show_id"],
        "state": refund["state"],
        "amount_minor": refund["amount_minor"],
        "currency": refund["currency"],
        "reason": refund["reason"],
        "in_cash": refund["in_cash"],
        "owed_at_till": refund["owed_at_till"],
        "ticket_ids": refund["ticket_ids"],
        "failure": refund["failure"],
        "requested_at": refund["requested_at"],
        "succeeded_at": refund["succeeded_at"],
    }


def _dispute(dispute: DisputeDocument) -> DisputeRow:
    return {
        "dispute_id": dispute["dispute_id"],
        "purchase_id": dispute["purchase_id"],
        "order_ref": order_ref_of(dispute["purchase_id"]),
        "venue_id": dispute["venue_id"],
        "show_id": dispute["show_id"],
        "state": dispute["state"],
        "amount_minor": dispute["amount_minor"],
        "returned_minor": dispute["returned_minor"],
        "currency": dispute["currency"],
        "opened_at": dispute["opened_at"],
        "decided_at": dispute["decided_at"],
    }


def _discount_word(discount: DiscountDocument) -> DiscountWord:
    return "stopped" if discount["stopped"] else "active"


def _discount(discount: DiscountDocument) -> DiscountRow:
    return {
        "show_id": discount["show_id"],
        "code": discount["code"],
        "percent_bps": discount["percent_bps"],
        "amount_minor": discount["amount_minor"],
        "limit": discount["limit"],
        "in_use": discount["in_use"],
        "uses": discount["uses"],
        "state": _discount_word(discount),
        "valid_from": discount["valid_from"],
        "valid_until": discount["valid_until"],
        "created_at": discount["created_at"],
    }


def _payout(payout: PayoutDocument) -> PayoutRow:
    return {
        "payout_id": payout["payout_id"],
        "venue_id": payout["venue_id"],
        "state": payout["state"],
        "amount_minor": payout["amount_minor"],
        "currency": payout["currency"],
        "paid_at": payout["paid_at"],
        "failure": payout["failure"],
    }


VENUE_LIST = Listing(
    "venues",
    ("registered",),
    lambda one: Place(one["tenant_id"], "registered", one["registered_at"], one["venue_id"]),
    _venue,
    VenueRow,
)
SHOW_LIST = Listing(
    "shows",
    get_args(ShowWord),
    lambda one: Place(one["tenant_id"], show_state(one), one["registered_at"], one["venue_id"], one["show_id"]),
    _show,
    ShowRow,
)
PURCHASE_LIST = Listing(
    "purchases",
    get_args(PurchaseState),
    lambda one: Place(
        one["tenant_id"],
        one["state"],
        one["requested_at"],
        show_id=one["show_id"],
        needs_attention=bool(attention_of(one)),
    ),
    _purchase,
    PurchaseRow,
)
TICKET_LIST = Listing(
    "tickets",
    get_args(TicketState),
    lambda one: Place(
        one["tenant_id"], one["state"], one["reserved_at"], show_id=one["show_id"], needs_attention=one["blocked"]
    ),
    _ticket,
    TicketRow,
)
REFUND_LIST = Listing(
    "refunds",
    get_args(RefundState),
    lambda one: Place(
        one["tenant_id"],
        one["state"],
        one["requested_at"],
        show_id=one["show_id"],
        needs_attention=one["state"] == "failed" or one["owed_at_till"],
    ),
    _refund,
    RefundRow,
)
DISPUTE_LIST = Listing(
    "disputes",
    get_args(DisputeState),
    lambda one: Place(
        one["tenant_id"],
        one["state"],
        one["opened_at"],
        one["venue_id"],
        one["show_id"],
        needs_attention=one["state"] == "open",
    ),
    _dispute,
    DisputeRow,
)
DISCOUNT_LIST = Listing(
    "discounts",
    get_args(DiscountWord),
    lambda one: Place(one["tenant_id"], _discount_word(one), one["created_at"], show_id=one["show_id"]),
    _discount,
    DiscountRow,
)
PAYOUT_LIST = Listing(
    "payouts",
    get_args(PayoutState),
    lambda one: Place(one["tenant_id"], one["state"], one["paid_at"], one["venue_id"]),
    _payout,
    PayoutRow,
)
LISTINGS: tuple[Listing[Any, Any], ...] = tuple(
    found for found in tuple(globals().values()) if isinstance(found, Listing)
)
