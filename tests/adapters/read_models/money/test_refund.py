"""The refund state of a purchase."""

from typing import Any, cast

import pytest

from adapters.read_models.money.refund import refund_state_of
from domain.views.purchase import PurchaseDocument


def line(state: str, amount_minor: int, intent_id: str | None = None) -> dict[str, Any]:
    return {"state": state, "amount_minor": amount_minor, "intent_id": intent_id}


def purchase(total_minor: int, refunds: list[tuple[str, int]], tickets: list[str], **more: Any) -> dict[str, Any]:
    """Return a sold purchase with refunds of its sale, by state and amount."""
    return {
        "price": {"total_minor": total_minor},
        "refunds": [line(state, amount) for state, amount in refunds],
        "payment": {"intent_id": "pi", "captured_minor": total_minor},
        "confirmed_at": "2026-11-24T00:00:00Z",
        "lost_to_disputes_minor": 0,
        "tickets": [{"state": state} for state in tickets],
        **more,
    }


def unsold(captured_minor: int, intent_id: str, *states: str) -> dict[str, Any]:
    """Return a purchase of 10.00 that ended without a sale, with refunds of 9.00 of one of its payments."""
    refunds = [line(state, 900, intent_id) for state in states]
    paid = {"intent_id": "pi", "captured_minor": captured_minor}
    return {**purchase(1000, [], ["void"], payment=paid, confirmed_at=None), "refunds": refunds}


SECOND = {**purchase(1000, [], ["issued"]), "refunds": [line("succeeded", 1000, "pi_second")]}


@pytest.mark.parametrize(
    ("document", "word"),
    [
        (purchase(1000, [("pending", 600), ("succeeded", 400)], ["void"]), "refunding"),
        (purchase(1000, [("succeeded", 400)], ["void", "issued"]), "partly-refunded"),
        (purchase(1000, [("succeeded", 1000)], ["void"]), "refunded"),
        (purchase(1000, [("succeeded", 400)], ["void"], lost_to_disputes_minor=600), "refunded"),
        (purchase(0, [("succeeded", 0)], ["void", "issued"]), "partly-refunded"),
        (purchase(0, [("succeeded", 0)], ["void", "void"]), "refunded"),
        (SECOND, "none"),
        (unsold(900, "pi", "failed"), "refunding"),
        (unsold(900, "pi", "succeeded"), "refunded"),
        (unsold(1800, "pi", "succeeded"), "partly-refunded"),
        (unsold(0, "pi_late", "succeeded"), "none"),
    ],
)
def test_a_word_for_what_has_gone_back(document: dict[str, Any], word: str) -> None:
    """It follows the refunds of the purchase's own payment; for a free order the void tickets."""
    assert refund_state_of(cast("PurchaseDocument", document)) == word
