"""Up to fifty money events in any order, repeated, unanswered or refused: the books balance to the cent."""

import asyncio
import json
import os
from collections import Counter
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.payouts.ports import VenueRef
from activities.sales.payment_lookup import find_payment
from domain.core.unit_of_work import UnitOfWork
from domain.money.statement import balance_of
from domain.payouts.payee import Payee
from tests.fakes.recomputed import folded, venue_statement, venue_sums
from tests.fakes.shop_world import MemoryReads
from tests.property.money_events import (
    LIVES,
    TERMS,
    AskRefund,
    DashboardRefund,
    DecideDispute,
    Dispute,
    DisputeStray,
    EndPayout,
    EndRefund,
    Event,
    FollowPayout,
    LookAtDispute,
    Pay,
    PayByHand,
    ReturnDispute,
    ReverseShare,
    Sell,
    SendShare,
    Settle,
    UnusedPayment,
    Vanish,
)
from tests.property.money_model import Terms
from tests.property.money_town import Town, nonzero
from tests.property.money_venues import apply_event
from tests.property.stripe_ledger import check_against_stripe

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
SEQUENCES = int(os.environ.get("MONEY_SEQUENCES", "10000" if NIGHTLY else "60"))


async def run_life(terms: tuple[Terms, Terms], events: list[Event]) -> None:
    """Run all events; compare program and model after each, and once more after all webhooks."""
    town = Town(terms)
    await town.open()
    reads = MemoryReads(town.store)
    for event in events:
        await apply_event(town, event)
        assert nonzero(town.posted().items()) == nonzero(town.expected().items())
        reads.catch_up()
    await finish_all(town)
    assert nonzero(town.posted().items()) == nonzero(town.expected().items())
    check_against_stripe(town)
    await check_strays(town)
    for number in range(len(terms)):
        check_read_models(town, reads, number)
    await check_debts(town)
    for number in range(len(town.sales_made)):  # once all due shares are sent, only debts are pending
        await apply_event(town, SendShare(number, refused=False, how="once"))
    await check_debts(town)


async def finish_all(town: Town) -> None:
    """Reach every account again, and deliver all webhooks: sales, disputes and payouts, refunds, shares."""
    town.connect.vanished.clear()
    for number, account_id in enumerate(town.account_of):
        seen = await town.payouts.connect_account(VenueRef(tenant_id="default", venue_id=f"ve{number}"))
        assert seen.account_id == account_id
    for number in range(len(town.sales_made)):
        await apply_event(town, Settle(number, "once"))
    await send_again(town)
    for number in range(len(town.claims())):
        await apply_event(town, LookAtDispute(number, "once"))
    await send_again(town)
    for number, (_, back) in enumerate(town.backs()):
        for _ in range(3):
            await apply_event(town, EndRefund(number, succeed=True))
            await apply_event(town, Pay(number, "succeeded", "once"))
        if back.due and not back.paid:  # Stripe has no money of this charge left
            await apply_event(town, PayByHand(number, "once"))
        assert back.paid or not back.due
        await apply_event(town, ReverseShare(number, "once"))
    for number in range(len(town.payouts_made)):
        await apply_event(town, EndPayout(number, arrives=True))
        await apply_event(town, FollowPayout(number, "once"))


async def send_again(town: Town) -> None:
    """SendShare the shares that Stripe refused before, or that a dispute delayed."""
    for number, sale in enumerate(town.sales_made):
        if town.requested(sale):
            await apply_event(town, SendShare(number, refused=False, how="once"))


async def check_strays(town: Town) -> None:
    """A payment that bought nothing is owed while its buyer is, and refunded else, whoever has paid."""
    for stray in town.strays:
        find = partial(find_payment, purchase_id=stray.purchase.purchase_id, intent_id=stray.intent_id)
        payment = await town.store.read(find)
        assert payment is not None
        assert payment.state == ("owed" if stray.due else "refunded")


async def check_debts(town: Town) -> None:
    """Compare a venue's pending balance with its unsent shares, less its debt to us."""
    due = Counter[int]()
    for sale in town.sales_made:
        if sale.tender == "cash":  # the venue has all of the cash, and owes our part of it
            continue
        kept = not town.requested(sale)
        due[sale.venue] += sale.split.venue - sum(back.of_venue for back in sale.backs) if kept else 0
        for claim in sale.claims.values():
            due[sale.venue] -= claim.parts.venue if claim.state == "open" or (kept and claim.state == "lost") else 0
    for number in range(len(town.terms)):
        payee = await town.store.read(partial(UnitOfWork.get, kind=Payee, identity=f"ve{number}"))
        owes = payee.owed_minor.get(town.terms[number].currency, 0)
        assert town.posted()[f"venue:ve{number}:payable", town.terms[number].currency] == due[number] - owes


def check_read_models(town: Town, reads: MemoryReads, number: int) -> None:
    """Compare the read models, folded on the way, with a fold of all events, byte by byte, and with the model."""
    venue, currency = f"ve{number}", town.terms[number].currency
    documents = folded(enumerate(town.store.log, start=1))
    kept = reads.catch_up()
    one, other = (venue_statement(found, venue) for found in (kept, documents))
    assert json.dumps(one) == json.dumps(other)
    names = {"pending": "payable", "available": "transferred", "reserved": "reserved", "paid_out": "paid-out"}
    for balance in balance_of(venue_sums(kept, venue), venue):
        for name, account in names.items():
            assert dict(balance)[f"{name}_minor"] == town.expected()[f"venue:{venue}:{account}", currency]


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


WRITTEN = {
    "a refund is booked about the charge that it returns": PAID_TWICE,
    "a share waits until the account is reached again": SENT_TO_NOBODY,
    "a second return leaves the attempt for the first one alone": RETURNED_MEANWHILE,
    "a payment that its bank took back is owed no more": PAID_BY_A_BANK,
    "what nobody owed is our loss, unless it fails at the bank": BORNE,
    "an earlier refund of the same amount is not the next one": OTHERS_FIRST,
}


@pytest.mark.parametrize("life", WRITTEN)
def test_a_life_that_lost_a_cent_once(life: str) -> None:
    """What was found is kept, and tried each time."""
    asyncio.run(run_life((PLAIN, PLAIN), WRITTEN[life]))


# Shrinking a long life takes minutes.
@pytest.mark.timeout(7200 if SEQUENCES > 1000 else 600)
@settings(max_examples=SEQUENCES, report_multiple_bugs=False)
@given(terms=st.tuples(TERMS, TERMS), events=LIVES)
def test_no_cent_is_lost(terms: tuple[Terms, Terms], events: list[Event]) -> None:
    """After any events each account has its expected balance, and Stripe's figures agree."""
    asyncio.run(run_life(terms, events))
