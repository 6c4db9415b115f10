"""Receipts: what was sold, for how much, with which tax, how it was paid and what went back; as data."""

from typing import Any

from fastapi import APIRouter

from api.http.problems import Problem, not_found
from api.http.read_your_writes import find, wait_for_position
from api.http.requests import After, Deps, IdInPath
from api.ports import Document
from domain.money.currency import decimals_of
from domain.money.money import Price

router = APIRouter(prefix="/api/v1/purchases", tags=["purchases"])


@router.get("/{purchase_id}/receipt")
async def read_receipt(purchase_id: IdInPath, deps: Deps, after: After = 0) -> dict[str, Any]:
    """Return the receipt of a sold purchase; amounts are in minor units of its currency."""
    stale = await wait_for_position(deps.queries, after)
    purchase = await find(deps.queries, deps.queries.purchase, purchase_id)
    if purchase is None:
        raise not_found("purchase", purchase_id)
    if purchase.get("confirmed_at") is None:
        raise Problem(409, "wrong-state", "only a sold purchase has a receipt", values={"state": purchase["state"]})
    show = await find(deps.queries, deps.queries.show, purchase["show_id"])
    venue = await find(deps.queries, deps.queries.venue, purchase["venue_id"])
    if show is None or venue is None:
        raise not_found("show or venue of purchase", purchase_id)
    return {**receipt_of(purchase, show, venue), "stale": stale}


def receipt_of(purchase: Document, show: Document, venue: Document) -> dict[str, Any]:
    """Put a receipt together: lines - discount + fees + taxes that are added = total, what was paid - refunded = kept.

    Fees stand on it when the buyer bears them.
    """
    price = Price.model_validate(purchase["price"])
    payment = purchase["payment"] or {}
    refunds = payment.get("refunds", []) if price.tender == "card" else _handed_out(purchase)
    return {
        "purchase_id": purchase["purchase_id"],
        "issued_at": purchase["confirmed_at"],
        "seller": {"venue_id": venue["venue_id"], "name": venue["name"]},
        "show": {"show_id": show["show_id"], "name": show["name"]},
        "currency": price.currency,
        "decimals": decimals_of(price.currency),
        "lines": _lines(purchase, show),
        "subtotal_minor": price.subtotal_minor,
        "discount": {"code": purchase.get("discount_code"), "amount_minor": price.discount_minor},
        "fees": _fees(price),
        "taxes": _taxes(price),
        "total_minor": price.total_minor,
        "payments": _payments(purchase, price),
        "refunds": refunds,
        "refunded_minor": sum(refund["amount_minor"] for refund in refunds),
    }


def _lines(purchase: Document, show: Document) -> list[dict[str, Any]]:
    names = {item["ticket_type_id"]: item["name"] for item in show["ticket_types"]}
    return [
        {
            "ticket_type_id": line["ticket_type_id"],
            "name": names[line["ticket_type_id"]],
            "quantity": line["quantity"],
            "price_minor": line["price_minor"],
            "amount_minor": line["quantity"] * line["price_minor"],
            "discount_minor": line.get("discount_minor", 0),
        }
        for line in purchase["lines"]
    ]


def _fees(price: Price) -> list[dict[str, Any]]:
    amounts = {"platform": price.platform_fee_minor, "processing": price.processing_fee_minor}
    on_top = price.fees == "on_top"
    return [{"kind": kind, "amount_minor": minor} for kind, minor in amounts.items() if on_top and minor]


def _taxes(price: Price) -> list[dict[str, Any]]:
    if price.tax_bps == 0:
        return []
    line = {"rate_bps": price.tax_bps, "inclusive": price.tax_inclusive, "tax_minor": price.tax_minor}
    base = price.subtotal_minor - price.discount_minor
    return [{**line, "net_minor": base - (price.tax_minor if price.tax_inclusive else 0)}]


def _handed_out(purchase: Document) -> list[dict[str, Any]]:
    fields = ("ticket_ids", "reason", "amount_minor")
    given = [one for one in purchase.get("refunds", []) if one["state"] == "succeeded" and one["amount_minor"]]
    return [{"tender": "cash", "at": one["succeeded_at"], **{field: one[field] for field in fields}} for one in given]


def _payments(purchase: Document, price: Price) -> list[dict[str, Any]]:
    if price.tender == "cash":
        return [{"tender": "cash", "received_minor": price.total_minor, "received_at": purchase["confirmed_at"]}]
    payment = purchase["payment"] or {}
    if not payment.get("captured_minor"):
        return []
    fields = ("intent_id", "charge_id", "captured_minor", "captured_at")
    return [{field: payment.get(field) for field in fields}]
