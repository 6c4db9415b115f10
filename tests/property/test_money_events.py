"""Up to fifty money events, in any order, repeated, unanswered and refused: the books balance, and tell each cent."""

import asyncio
import json
import os
from collections import Counter
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.read_models.recomputed import folded, venue_lines, venue_sums
from domain.core.unit_of_work import UnitOfWork
from domain.money.statement import balance_of, statement_of
from domain.payouts.payee import Payee
from tests.fakes.shop_world import MemoryReads
from tests.property.money_events import (
    LIVES,
    TERMS,
    BankSays,
    Event,
    Follow,
    Look,
    Pay,
    PayoutSays,
    Send,
    Settle,
    TakeBack,
)
from tests.property.money_model import Terms
from tests.property.money_town import Town, told
from tests.property.money_venues import happen

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"


async def live(terms: tuple[Terms, Terms], events: list[Event]) -> None:
    """Let everything happen, look after each event, and once more when all news have come."""
    town = Town(terms)
    await town.open()
    reads = MemoryReads(town.store)
    for event in events:
        await happen(town, event)
        assert told(town.posted().items()) == told(town.expected().items())
        reads.catch_up()
    await rest(town)
    assert told(town.posted().items()) == told(town.expected().items())
    explained(town)
    for number in range(len(terms)):
        shown(town, reads, number)
    await netted(town)
    for number in range(len(town.sales_made)):  # all that is due is sent: nothing but debts is left pending
        await happen(town, Send(number, refused=False, how="once"))
    await netted(town)


async def rest(town: Town) -> None:
    """Let all news come: sales are settled, disputes looked at, refunds paid, shares taken back, payouts followed."""
    for number in range(len(town.sales_made)):
        await happen(town, Settle(number, "once"))
    await send_again(town)
    for number in range(len(town.claims())):
        await happen(town, Look(number, "once"))
    await send_again(town)
    for number, (_, back) in enumerate(town.backs()):
        for _ in range(3):
            await happen(town, BankSays(number, succeed=True))
            await happen(town, Pay(number, "succeeded", "once"))
        assert back.paid or not back.given.total
        await happen(town, TakeBack(number, "once"))
    for number in range(len(town.payouts_made)):
        await happen(town, PayoutSays(number, arrives=True))
        await happen(town, Follow(number, "once"))


async def send_again(town: Town) -> None:
    """Send the shares that Stripe refused before, or that waited for a bank."""
    for number, sale in enumerate(town.sales_made):
        if town.requested(sale):
            await happen(town, Send(number, refused=False, how="once"))


def explained(town: Town) -> None:
    """Hold Stripe's own figures against the books: what was captured is what went back and what somebody has."""
    gateway, books = town.gateway, town.posted()
    captured, gone, taken, moved = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for intent in gateway.intents.values():
        captured[intent.currency] += intent.received_minor
        gone[intent.currency] += intent.refunded_minor
        taken[intent.currency] += intent.stripe_fee_minor or 0
    for said in (said for said in gateway.disputes.values() if said.is_withdrawn):
        gone[said.currency] += said.amount_minor if said.status != "won" else 0
        taken[said.currency] += said.fee_minor - said.fee_back_minor
    for name, order in town.connect.transfers.items():
        moved[order.currency] += order.amount_minor - town.connect.reversed[name]
    purchases = ("venue:", "platform:", "processing:", "tax:", "till:", "dispute:")
    for currency in captured:
        owned = sum(amount for (name, unit), amount in books.items() if unit == currency and name.startswith(purchases))
        assert captured[currency] == gone[currency] + owned + taken[currency]
        net = captured[currency] - gone[currency] - taken[currency] - moved[currency]
        assert books["stripe:clearing", currency] == -net


async def netted(town: Town) -> None:
    """Hold what a venue owes us against its account: the shares that were not sent, less what it owes."""
    due = Counter[int]()
    for sale in town.sales_made:
        if sale.tender == "cash":  # all of it is the venue's already, and what is not its own it owes
            continue
        kept = not town.requested(sale)
        due[sale.venue] += sale.split.venue - sum(back.of_venue for back in sale.backs) if kept else 0
        for claim in sale.claims.values():
            due[sale.venue] -= claim.parts.venue if claim.state == "open" or (kept and claim.state == "lost") else 0
    for number in range(len(town.terms)):
        payee = await town.store.read(partial(UnitOfWork.get, kind=Payee, identity=f"ve{number}"))
        owes = payee.owed_minor.get(town.terms[number].currency, 0)
        assert town.posted()[f"venue:ve{number}:payable", town.terms[number].currency] == due[number] - owes


def shown(town: Town, reads: MemoryReads, number: int) -> None:
    """Hold the read models, which were folded on the way, against the events: to the byte, and to the cent."""
    venue, currency = f"ve{number}", town.terms[number].currency
    documents = folded(enumerate(town.store.log, start=1))
    kept = reads.catch_up()
    one, other = (statement_of(venue, venue_lines(found, venue), None, None) for found in (kept, documents))
    assert json.dumps(one) == json.dumps(other)
    names = {"pending": "payable", "available": "transferred", "reserved": "reserved", "paid_out": "paid-out"}
    for balance in balance_of(venue_sums(kept, venue), venue):
        for name, account in names.items():
            assert dict(balance)[f"{name}_minor"] == town.expected()[f"venue:{venue}:{account}", currency]


# Making a long life short takes minutes, where there is a fault.
@pytest.mark.timeout(7200 if NIGHTLY else 600)
@settings(max_examples=10_000 if NIGHTLY else 100, report_multiple_bugs=False)
@given(terms=st.tuples(TERMS, TERMS), events=LIVES)
def test_no_cent_is_lost(terms: tuple[Terms, Terms], events: list[Event]) -> None:
    """Whatever happens to money, each account says what it should, and Stripe says the same."""
    asyncio.run(live(terms, events))
