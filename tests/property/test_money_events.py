"""Up to fifty money events in any order, repeated, unanswered or refused: the books balance to the cent."""

import asyncio

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.property.money_events import (
    LIVES,
    TERMS,
    AskRefund,
    DashboardRefund,
    DecideDispute,
    Dispute,
    DisputeStray,
    EndRefund,
    Event,
    LookAtDispute,
    Pay,
    PayByHand,
    ReturnDispute,
    Sell,
    SendShare,
    Settle,
    UnusedPayment,
    Vanish,
)
from tests.property.money_life import run_life
from tests.property.money_model import Terms

SEQUENCES = 60  # at night ten thousand: `python -m tests.property sequences`


PLAIN = Terms("eur", 100, 0, 0, 0, absorbed=False, tax_bps=0, inclusive=False, off_bps=0)
PAID_TWICE: list[Event] = [
    Sell(0, 1, 0, 0, "card", code=False),
    Settle(0, "once"),
    UnusedPayment(0, is_second=True, went="succeeded"),
]

SENT_TO_NOBODY: list[Event] = [
    Vanish(1, gone=True),
    Sell(1, 1, 0, 0, "card", code=False),
    Settle(0, "once"),
    SendShare(0, refused=False, how="once"),
]

RETURNED_MEANWHILE: list[Event] = [
    Sell(0, 1, 0, 0, "card", code=False),
    Settle(0, "once"),
    AskRefund(0, "whole", 1, "platform"),
    Pay(0, "pending", "once"),
    Dispute(0, "all", withdrawn=True),
    LookAtDispute(0, "once"),
    DecideDispute(0, won=False, fee_back=False),
    LookAtDispute(0, "once"),
    ReturnDispute(0, 1),
    LookAtDispute(0, "once"),
    Pay(1, "pending", "once"),
    ReturnDispute(0, 1),
]


PAID_BY_A_BANK: list[Event] = [
    Sell(0, 1, 0, 0, "card", code=False),
    Settle(0, "once"),
    UnusedPayment(0, is_second=True, went="owed"),
    DisputeStray(0, half=False),
    LookAtDispute(0, "once"),
    DecideDispute(0, won=False, fee_back=False),
]


BORNE: list[Event] = [
    Sell(0, 1, 0, 0, "card", code=False),
    Settle(0, "once"),
    AskRefund(0, "whole", 1, "platform"),
    Pay(0, "uncovered", "once"),
    PayByHand(0, "once"),
    DashboardRefund(0, "all of the charge", 1, "pending"),
    EndRefund(1, succeed=False),
    Pay(1, "succeeded", "once"),
    DashboardRefund(0, "all of the charge", 1, "succeeded"),
]

OTHERS_FIRST: list[Event] = [
    Sell(0, 3, 0, 0, "card", code=False),
    Settle(0, "once"),
    AskRefund(0, "ticket", 1, "platform"),
    Pay(0, "succeeded", "once"),
    AskRefund(0, "ticket", 2, "platform"),
    DashboardRefund(0, "all of the charge", 1, "succeeded"),
]


HELD_BACK: list[Event] = [
    Sell(0, 1, 0, 0, "card", code=False),
    Settle(0, "once"),
    Vanish(0, gone=True),
    Dispute(0, "all", withdrawn=True),
    SendShare(0, refused=False, how="once"),
    LookAtDispute(0, "once"),
]


TAKEN_UNSEEN: list[Event] = [
    Sell(0, 1, 0, 0, "card", code=False),
    Settle(0, "once"),
    AskRefund(0, "whole", 1, "platform"),
    Dispute(0, "all", withdrawn=True),
    Pay(0, "pending", "once"),
    DecideDispute(0, won=False, fee_back=False),
]


WRITTEN = {
    "a refund is booked about the charge that it returns": PAID_TWICE,
    "a share waits until the account is reached again": SENT_TO_NOBODY,
    "a second return leaves the attempt for the first one alone": RETURNED_MEANWHILE,
    "a payment that its bank took back is owed no more": PAID_BY_A_BANK,
    "what nobody owed is our loss, unless it fails at the bank": BORNE,
    "a share that Stripe refused is with us, and a dispute holds it back": HELD_BACK,
    "what a bank has taken cannot be refunded before we hear of it": TAKEN_UNSEEN,
    "an earlier refund of the same amount is not the next one": OTHERS_FIRST,
}


@pytest.mark.parametrize("life", WRITTEN)
def test_a_life_that_lost_a_cent_once(life: str) -> None:
    """What was found is kept, and tried each time."""
    asyncio.run(run_life((PLAIN, PLAIN), WRITTEN[life]))


# Shrinking a long life takes minutes.
@pytest.mark.timeout(600)
@settings(max_examples=SEQUENCES, report_multiple_bugs=False)
@given(terms=st.tuples(TERMS, TERMS), events=LIVES)
def test_no_cent_is_lost(terms: tuple[Terms, Terms], events: list[Event]) -> None:
    """After any events each account has its expected balance, and Stripe's figures agree."""
    for what in asyncio.run(run_life(terms, events)):
        event(what)
