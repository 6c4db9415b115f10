"""How an order stands, in words: every state, refund and dispute has its sentence and its steps."""

from typing import Any, get_args

import pytest

from api.http.problems import PROBLEM_TYPES, REFUSALS
from api.shop.errors import SENTENCES as PROBLEM_SENTENCES
from api.shop.progress import (
    DISPUTES,
    DONE,
    ENDS,
    REFUNDS,
    SENTENCES,
    STEPS,
    sentence_of,
    steps_of,
    was_declined,
)
from domain.core.end_reasons import END_REASONS
from domain.views.purchase import UNSOLD_STATES, DisputeProgress, PurchaseState, RefundProgress

OPEN_PAYMENT = {"status": "open", "owed_minor": 0, "captured_minor": 0, "refunded_minor": 0,
                "processing_since": None, "decline_code": None}  # fmt: skip
CAPTURED = OPEN_PAYMENT | {"status": "refunded", "captured_minor": 5}
STRAY = {"state": "succeeded", "owed_at_till": False, "intent_id": "pi_stray"}


def order(**fields: Any) -> Any:
    usual = {"state": "fulfilled", "payment": None, "refund_state": "none", "dispute_state": "none", "end_reason": None}
    return {**usual, "refunds": [], "disputes": [], "price": None, **fields}


def test_every_state_has_a_sentence_and_steps() -> None:
    """The lists are those of the views: a new state is told here."""
    assert set(SENTENCES) | set(UNSOLD_STATES) == set(get_args(PurchaseState)) == set(DONE) | set(UNSOLD_STATES)
    assert set(REFUNDS) | {"none"} == set(get_args(RefundProgress))
    assert set(DISPUTES) | {"none", "won"} == set(get_args(DisputeProgress))


def test_every_reason_that_is_named_exists() -> None:
    """A purchase ends for a refusal or for one of the reasons of its end; each of the latter has a sentence."""
    assert set(END_REASONS) <= set(ENDS)
    assert set(ENDS) <= set(END_REASONS) | set(REFUSALS)
    assert set(PROBLEM_SENTENCES) <= set(PROBLEM_TYPES)


@pytest.mark.parametrize("state", get_args(PurchaseState))
def test_steps_go_forward(state: PurchaseState) -> None:
    """What is done comes first, at most one step is under way, and nothing is left once it is fulfilled."""
    states = [step.state for step in steps_of(order(state=state))]
    assert len(states) == len(STEPS)
    assert states == sorted(states, key=["done", "now", "later", "not"].index)
    assert states.count("now") == (0 if state in (*UNSOLD_STATES, "fulfilled") else 1)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "cancelled", "end_reason": "hold-expired"}, "The time to pay ran out"),
        ({"state": "refused", "end_reason": "sold-out"}, "sold out"),
        ({"state": "cancelled", "end_reason": "a-new-one"}, "ended without a sale. Nothing was charged."),
        ({"state": "cancelled", "payment": CAPTURED | {"owed_minor": 5}}, "on its way back"),
        ({"state": "cancelled", "payment": CAPTURED | {"refunded_minor": 5}}, "was given back"),
        ({"state": "cancelled", "end_reason": "payment-refused", "payment": CAPTURED}, "was given back"),
        ({"state": "cancelled", "payment": OPEN_PAYMENT, "refunds": [STRAY]}, "was given back"),
        ({"state": "cancelled", "payment": OPEN_PAYMENT, "disputes": [{"state": "lost"}]}, "was given back"),
        ({"state": "cancelled", "payment": OPEN_PAYMENT, "disputes": [{"state": "open"}]}, "is on its way back"),
        ({"state": "refused", "end_reason": "price-changed"}, "Nothing was charged: have a look at the new one."),
        (
            {"state": "cancelled", "end_reason": "hold-expired", "payment": CAPTURED | {"owed_minor": 5}},
            "after the time had run out. Your money is on its way back",
        ),
        ({"state": "awaiting-payment", "payment": OPEN_PAYMENT | {"processing_since": "2026"}}, "Your bank is working"),
        ({"state": "awaiting-payment", "payment": OPEN_PAYMENT}, "Pay before"),
        ({"refund_state": "refunded"}, "Your money was refunded"),
        ({"refund_state": "refunded", "price": {"total_minor": 0}}, "You gave the tickets back."),
        ({"refund_state": "refunding", "refunds": [{"state": "pending", "owed_at_till": False}]}, "on its way"),
        ({"refund_state": "refunding", "refunds": [{"state": "failed", "owed_at_till": False}]}, "did not take"),
        ({"refund_state": "refunding", "refunds": [{"state": "requested", "owed_at_till": True}]}, "in cash"),
        ({"dispute_state": "open", "refund_state": "refunding"}, "blocked"),
        ({"dispute_state": "won"}, "The tickets are yours."),
    ],
)
def test_the_sentence_says_what_a_buyer_must_know(fields: dict[str, Any], words: str) -> None:
    """Money that is owed comes before the reason of the end, and a bank's question before everything."""
    assert words in sentence_of(order(**fields))


def test_a_declined_card_is_told_while_another_may_be_tried() -> None:
    """And no longer once the order has ended."""
    declined = OPEN_PAYMENT | {"decline_code": "generic_decline"}
    assert was_declined(order(state="awaiting-payment", payment=declined))
    assert not was_declined(order(state="awaiting-payment", payment=OPEN_PAYMENT))
    assert not was_declined(order(state="cancelled", payment=declined))
    for later in ({"processing_since": "2026"}, {"status": "authorised"}):  # another one was taken
        assert not was_declined(order(state="awaiting-payment", payment=declined | later))


def test_no_other_text_says_that_nothing_was_charged() -> None:
    """It follows from the payments alone, and not from the reason of an end or of a refusal."""
    assert [text for text in (*ENDS.values(), *PROBLEM_SENTENCES.values()) if "charged" in text] == []
