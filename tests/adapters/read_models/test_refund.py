"""The refund state of a purchase."""

from typing import Any, cast

import pytest

from adapters.read_models.refund import refund_state_of
from domain.views.purchase import PurchaseDocument


def purchase(total_minor: int, states: list[str], tickets: list[str], **more: Any) -> dict[str, Any]:
    refunds = [{"state": state} for state in states]
    return {
        "price": {"total_minor": total_minor},
        "refunds": refunds,
        "lost_to_disputes_minor": 0,
        "tickets": [{"state": state} for state in tickets],
        **more,
    }


@pytest.mark.parametrize(
    ("document", "refunded_minor", "word"),
    [
        (purchase(1000, ["pending", "succeeded"], ["void"]), 400, "refunding"),
        (purchase(1000, ["succeeded"], ["void", "issued"]), 400, "partly-refunded"),
        (purchase(1000, ["succeeded"], ["void"]), 1000, "refunded"),
        (purchase(1000, ["succeeded"], ["void"], lost_to_disputes_minor=600), 400, "refunded"),
        (purchase(0, ["succeeded"], ["void", "issued"]), 0, "partly-refunded"),
        (purchase(0, ["succeeded"], ["void", "void"]), 0, "refunded"),
    ],
)
def test_a_word_for_what_has_gone_back(document: dict[str, Any], refunded_minor: int, word: str) -> None:
    """It follows the refunded amount, for a free order the void tickets."""
    assert refund_state_of(cast("PurchaseDocument", document), refunded_minor) == word
