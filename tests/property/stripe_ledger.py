"""A model of the books from Stripe's balance transactions alone: what each charge, venue and currency has moved."""

from collections import Counter
from datetime import UTC, datetime

from domain.invariants.cross_system import judge_at_rest
from domain.invariants.invariant import CLEARING, OWN_MONEY, PARTIES, SHARE, VENUE_BALANCE, WHOLE_BALANCE, Findings
from domain.invariants.outside import ExternalState, StripeEntry
from domain.invariants.per_commit import History
from domain.money.books import TransactionPosted
from tests.fakes.evidence import external_state
from tests.fakes.samples import AT
from tests.fakes.token_chain import FakeTokenChain
from tests.property.money_town import Town

MONEY = {CLEARING.name, PARTIES.name, SHARE.name, VENUE_BALANCE.name, OWN_MONEY.name, WHOLE_BALANCE.name}


def check_against_stripe(town: Town) -> None:
    """Compare every charge, every venue's balance and our whole balance with the books, and find no wrong booking."""
    charges, whole = _moved(town)
    booked = _booked(town)
    assert {key: amount for key, amount in booked.items() if amount} == {
        key: amount for key, amount in charges.items() if amount
    }
    for currency in {currency for _, currency in booked} | set(whole):
        assert -town.posted()["stripe:clearing", currency] == whole[currency]
    for number, account_id in enumerate(town.account_of):
        currency = town.terms[number].currency
        assert town.posted()[f"venue:ve{number}:transferred", currency] == _at_venue(town, account_id)
    assert [found for found in findings(town).violations if found.invariant in MONEY] == []


def findings(town: Town) -> Findings:
    """Judge the town's events beside its Stripe."""
    found = Findings()
    history = History(found)
    history.take(town.store.recorded())
    history.mark()
    judge_at_rest(history, outside(town), found)
    return found


def outside(town: Town) -> ExternalState:
    """Return the town's Stripe; a vanished account cannot be read."""
    _, whole = _moved(town)
    moves = [
        StripeEntry(entry_id, moved.kind, moved.currency, moved.amount_minor, AT)
        for entry_id, moved in town.moved.items()
    ]
    seen = external_state(town.gateway, FakeTokenChain(), town.connect)
    return seen._replace(entries=moves, balance_minor=dict(whole), now=datetime.max.replace(tzinfo=UTC))


def _moved(town: Town) -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """Sum the nets of all balance transactions by charge, and in all."""
    charges: Counter[tuple[str, str]] = Counter()
    whole: Counter[str] = Counter()
    for entry in town.gateway.entries:
        charges[entry.intent_id, entry.currency] += entry.amount_minor - entry.fee_minor
        whole[entry.currency] += entry.amount_minor - entry.fee_minor
    for name, order in town.connect.transfers.items():
        moved = town.connect.reversed[name] - order.amount_minor
        charges[order.charge_id.removeprefix("ch_"), order.currency] += moved
        whole[order.currency] += moved
    return charges, whole


def _booked(town: Town) -> Counter[tuple[str, str]]:
    """Sum the clearing account by charge: a booking is about the stray payment that it names, or about the sale's."""
    own = {sale.purchase_id: sale.intent_id for sale in town.sales_made}
    strays = {stray.intent_id for stray in town.strays}
    sums: Counter[tuple[str, str]] = Counter()
    for event in town.store.log:
        if not isinstance(event, TransactionPosted):
            continue
        named = {event.intent_id, *event.originator_id.split(":")} & strays
        alone = {stray.intent_id for stray in town.strays if stray.purchase.purchase_id == event.purchase_id}
        charge = next(iter(named), own.get(event.purchase_id, next(iter(alone), "")))
        for line in event.postings:
            sums[charge, line["unit"]] += line["amount"] if line["debit"] == "stripe:clearing" else 0
            sums[charge, line["unit"]] -= line["amount"] if line["credit"] == "stripe:clearing" else 0
    return sums


def _at_venue(town: Town, account_id: str) -> int:
    """Sum what was sent to a venue's account, less what came back and what is known to have reached its bank."""
    sent = [(name, order) for name, order in town.connect.transfers.items() if order.account_id == account_id]
    venue = town.account_of.index(account_id)
    out = sum(amount for number, amount in town.paid_out.values() if number == venue)
    return sum(order.amount_minor - town.connect.reversed[name] for name, order in sent) - out
