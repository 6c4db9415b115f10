"""Receipts as data: tickets, amounts, taxes, payments and refunds of a sold purchase."""

from typing import Literal, NamedTuple

from typing_extensions import TypedDict

from api.http.guard import guarded_router, needs
from api.http.problems import NOT_FOUND, may_answer, not_found
from api.http.read_your_writes import find, require, wait_for_position
from api.http.requests import After, Deps, PurchaseId
from domain.core.errors import WrongState
from domain.core.timestamp import Timestamp
from domain.money.currency import decimals_of
from domain.views.catalog import StockedShow, VenueDocument
from domain.views.common import PriceDocument
from domain.views.purchase import DisputeLine, PaidBackLine, PurchaseDocument

router = guarded_router(prefix="/api/v1/purchases", tags=["purchases"])


class Seller(TypedDict):
    """The venue that sold the tickets."""

    venue_id: str
    name: str


class ReceiptShow(TypedDict):
    """The show of the tickets."""

    show_id: str
    name: str


class ReceiptLine(TypedDict):
    """Some tickets of one type; `amount_minor` is before the discount."""

    ticket_type_id: str
    name: str
    quantity: int
    price_minor: int
    amount_minor: int
    discount_minor: int


class ReceiptDiscount(TypedDict):
    """The discount of the order."""

    code: str | None
    amount_minor: int


class ReceiptFee(TypedDict):
    """A fee that the buyer paid."""

    kind: Literal["platform", "processing"]
    amount_minor: int


class ReceiptTax(TypedDict):
    """A tax, included in the prices or added to them."""

    rate_bps: int
    inclusive: bool
    tax_minor: int
    net_minor: int


class CardPayment(TypedDict):
    """A payment by card."""

    intent_id: str
    charge_id: str | None
    captured_minor: int
    captured_at: Timestamp | None


class CashPayment(TypedDict):
    """A payment in cash."""

    tender: Literal["cash"]
    received_minor: int
    received_at: Timestamp


class CashRefund(TypedDict):
    """Cash that was handed out."""

    tender: Literal["cash"]
    at: Timestamp
    ticket_ids: list[str]
    reason: str
    amount_minor: int


class Receipt(TypedDict):
    """The receipt of a sold purchase, in minor units: lines - discount + fees + added taxes = total."""

    purchase_id: str
    issued_at: Timestamp
    seller: Seller
    show: ReceiptShow
    currency: str
    decimals: int
    lines: list[ReceiptLine]
    subtotal_minor: int
    discount: ReceiptDiscount
    fees: list[ReceiptFee]
    taxes: list[ReceiptTax]
    total_minor: int
    payments: list[CardPayment | CashPayment]
    refunds: list[PaidBackLine | CashRefund]
    refunded_minor: int
    disputes: list[DisputeLine]


class ReceiptAnswer(Receipt):
    """A receipt; `stale` is true when the answer may lack the event that was waited for."""

    stale: bool


@router.get("/{purchase_id}/receipt", openapi_extra=may_answer(NOT_FOUND, WrongState))
@needs("manage", "refund", or_buyer=True)
async def read_receipt(purchase_id: PurchaseId, deps: Deps, after: After = 0) -> ReceiptAnswer:
    """Return the receipt of a sold purchase; amounts are in minor units of its currency."""
    stale = await wait_for_position(deps.queries, after)
    purchase = await require("purchase", deps.queries, deps.queries.purchase, purchase_id)
    if purchase["confirmed_at"] is None or purchase["price"] is None:
        detail = f"purchase is {purchase['state']}; only a sold purchase has a receipt"
        raise WrongState(detail, state=purchase["state"])
    show = await find(deps.queries, deps.queries.show, purchase["show_id"])
    venue = await find(deps.queries, deps.queries.venue, str(purchase["venue_id"]))
    if show is None or venue is None:
        raise not_found("show or venue of purchase", purchase_id)
    sold = Sale(purchase, purchase["price"], purchase["confirmed_at"])
    return {**receipt_of(sold, show, venue), "stale": stale}


class Sale(NamedTuple):
    """A sold purchase, its price, and when it was sold."""

    purchase: PurchaseDocument
    price: PriceDocument
    at: Timestamp


def receipt_of(sale: Sale, show: StockedShow, venue: VenueDocument) -> Receipt:
    """Return a receipt: lines - discount + fees + added taxes = total, paid - refunded = kept.

    It has the fees only when the buyer bears them.
    """
    purchase, price = sale.purchase, sale.price
    refunds = _refunds(purchase, price)
    return {
        "purchase_id": purchase["purchase_id"],
        "issued_at": sale.at,
        "seller": {"venue_id": venue["venue_id"], "name": venue["name"]},
        "show": {"show_id": show["show_id"], "name": show["name"]},
        "currency": price["currency"],
        "decimals": decimals_of(price["currency"]),
        "lines": _lines(purchase, show),
        "subtotal_minor": price["subtotal_minor"],
        "discount": {"code": purchase["discount_code"], "amount_minor": price["discount_minor"]},
        "fees": _fees(price),
        "taxes": _taxes(price),
        "total_minor": price["total_minor"],
        "payments": _payments(sale),
        "refunds": refunds,
        "refunded_minor": sum(refund["amount_minor"] for refund in refunds),
        "disputes": purchase["disputes"],
    }


def _lines(purchase: PurchaseDocument, show: StockedShow) -> list[ReceiptLine]:
    names = {item["ticket_type_id"]: item["name"] for item in show["ticket_types"]}
    return [
        {
            "ticket_type_id": line["ticket_type_id"],
            "name": names[line["ticket_type_id"]],
            "quantity": line["quantity"],
            "price_minor": line["price_minor"] or 0,
            "amount_minor": line["quantity"] * (line["price_minor"] or 0),
            "discount_minor": line["discount_minor"],
        }
        for line in purchase["lines"]
    ]


def _fees(price: PriceDocument) -> list[ReceiptFee]:
    fees: list[ReceiptFee] = [
        {"kind": "platform", "amount_minor": price["platform_fee_minor"]},
        {"kind": "processing", "amount_minor": price["processing_fee_minor"]},
    ]
    return [fee for fee in fees if price["fees"] == "on_top" and fee["amount_minor"]]


def _taxes(price: PriceDocument) -> list[ReceiptTax]:
    if price["tax_bps"] == 0:
        return []
    base = price["subtotal_minor"] - price["discount_minor"]
    return [
        {
            "rate_bps": price["tax_bps"],
            "inclusive": price["tax_inclusive"],
            "tax_minor": price["tax_minor"],
            "net_minor": base - (price["tax_minor"] if price["tax_inclusive"] else 0),
        }
    ]


def _refunds(purchase: PurchaseDocument, price: PriceDocument) -> list[PaidBackLine | CashRefund]:
    if price["tender"] == "card":
        return list(purchase["payment"]["refunds"]) if purchase["payment"] else []
    return [
        {
            "tender": "cash",
            "at": one["succeeded_at"] or one["requested_at"],
            "ticket_ids": one["ticket_ids"],
            "reason": one["reason"],
            "amount_minor": one["amount_minor"],
        }
        for one in purchase["refunds"]
        if one["state"] == "succeeded" and one["amount_minor"]
    ]


def _payments(sale: Sale) -> list[CardPayment | CashPayment]:
    if sale.price["tender"] == "cash":
        return [{"tender": "cash", "received_minor": sale.price["total_minor"], "received_at": sale.at}]
    payment = sale.purchase["payment"]
    if payment is None or not payment["captured_minor"]:
        return []
    return [
        {
            "intent_id": payment["intent_id"],
            "charge_id": payment["charge_id"],
            "captured_minor": payment["captured_minor"],
            "captured_at": payment["captured_at"],
        }
    ]
