"""What an order counts for in the progress of its show's cancellation."""

from typing import Any

import pytest

from adapters.read_models.shows.cancellation import OrderCounts

VALID, USED = {"state": "issued", "token": "minted"}, {"state": "redeemed", "token": "none"}
UNBURNT, BURNT = {"state": "void", "token": "minted"}, {"state": "void", "token": "burnt"}
NOTHING: dict[str, Any] = {
    "show_id": "sh",
    "state": "fulfilled",
    "refund_state": "none",
    "refunds": [],
    "payment": None,
    "price": None,
    "lines": [],
    "confirmed_at": None,
}
SOLD: dict[str, Any] = {
    "confirmed_at": "2026-11-30T20:00:00+00:00",
    "price": {"total_minor": 2_208},
    "lines": [{"quantity": 2}, {"quantity": 1}],
}


def refund(state: str, amount_minor: int, *, in_cash: bool = False, at_till: bool = False) -> dict[str, Any]:
    return {"state": state, "amount_minor": amount_minor, "in_cash": in_cash, "owed_at_till": at_till}


@pytest.mark.parametrize(
    ("order", "counts"),
    [
        ({"state": "cancelled", "tickets": [BURNT]}, {"is_ended": True}),
        ({"state": "requested", "tickets": []}, {"is_left": True}),
        ({"tickets": [VALID, BURNT], "refund_state": "refunded"}, {"is_left": True}),
        ({"tickets": [USED], "refund_state": "refunded"}, {"is_left": True}),
        ({"tickets": [BURNT, UNBURNT], "refund_state": "refunded"}, {"tokens_left": 1}),
        (
            {"tickets": [BURNT], "refund_state": "refunding", "refunds": [refund("failed", 7), refund("pending", 5)]},
            {"is_left": True, "is_refunding": True, "has_failed": True, "owed_minor": 12},
        ),
        (
            {
                "tickets": [BURNT],
                "refund_state": "refunding",
                "refunds": [refund("requested", 9, in_cash=True, at_till=True)],
            },
            {"is_refunding": True, "owed_minor": 9, "owed_at_till_minor": 9},
        ),
        (
            {
                "tickets": [BURNT],
                "refund_state": "refunded",
                "refunds": [refund("succeeded", 3), refund("succeeded", 4, in_cash=True)],
                "payment": {"refunded_minor": 7},
            },
            {"refunded_minor": 7, "refunded_in_cash_minor": 4},
        ),
        (
            {**SOLD, "tickets": [VALID]},
            {"is_left": True, "sold_at": SOLD["confirmed_at"], "tickets": 3, "total_minor": 2_208},
        ),
        ({**SOLD, "confirmed_at": None, "tickets": []}, {"is_left": True}),
    ],
)
def test_an_order_counts(order: dict[str, Any], counts: dict[str, Any]) -> None:
    """An order without an end is left while a ticket is valid or money has not arrived."""
    zero = OrderCounts("sh", False, False, False, False, 0, 0, 0, 0, 0)  # noqa: FBT003 - a row
    document: Any = {**NOTHING, **order}
    assert OrderCounts.of(document) == zero._replace(**counts)
