"""A purchase's timeline says its amounts as people read them, each in the currency of its money."""

from typing import Any

from adapters.read_models.documents import DocumentBatch
from adapters.read_models.purchase import fold
from domain.core.aggregate import Aggregate
from domain.payments.dispute import Dispute, DisputeOpened
from domain.payments.payment import Payment, StrayIntentFound
from domain.payments.refund import Refund
from domain.payments.refunds import Refunds, RefundsOpened
from tests.fakes.samples import AT, PRICE, new_order, new_payment, placed_order

OWNER: dict[str, Any] = {"tenant_id": "default", "purchase_id": "pu"}


def amounts(*aggregates: Aggregate) -> list[str]:
    """Return the lines of a purchase's timeline that have a figure."""
    documents = DocumentBatch(lambda _, __: None)
    events: list[Any] = [event for aggregate in aggregates for event in aggregate.collect_events()]
    for position, event in enumerate(events, start=1):
        fold(documents, event, position)
    return [line.text for line in documents.timeline if any(letter.isdigit() for letter in line.text)]


def captured(payment: Payment, minor: int, currency: str | None = None) -> Payment:
    """Return a payment that was captured and bought nothing."""
    payment.capture("ch", minor, 0, AT, currency)
    payment.owe(AT)
    payment.refund("re", AT)
    return payment


def stray(currency: str) -> Payment:
    """Return a payment of 500 minor units that is no attempt's."""
    return Payment.begin(
        StrayIntentFound, "pu:pi_b", AT, **OWNER, intent_id="pi_b", amount_minor=500, currency=currency
    )


def refunds(currency: str = "") -> Refunds:
    """Return a refund of 500 minor units that is handed out in cash."""
    book = Refunds.begin(RefundsOpened, "pu", AT, tenant_id="default", price=PRICE.model_dump())
    refund = Refund(
        refund_id="rf", body_digest="r", reason="late", fees="venue", ticket_ids=(), unsold_minor=500, currency=currency
    )
    book.give_back(refund, AT)
    book.owe_at_till("rf", AT)
    book.hand_out("rf", AT)
    return book


def disputed() -> Dispute:
    """Return a dispute in dollars, of which a part comes back after its loss."""
    values = {"venue_id": "ve", "currency": "usd", "amount_minor": 2208, "parts": {}}
    dispute = Dispute.begin(DisputeOpened, "dp", AT, **OWNER, **values)
    dispute.lose(0, AT)
    dispute.take_back(208, AT, venue_is_owed=False)
    return dispute


def test_amounts_are_in_the_currency_of_the_price() -> None:
    """A payment's and a refund's events name no currency: theirs is that of the order."""
    assert amounts(placed_order(), captured(new_payment(), 2208), refunds()) == [
        "Price locked: 22.08 EUR.",
        "Payment captured: 22.08 EUR, charge ch.",
        "Refund requested: 5.00 EUR, late.",
        "Refund owed at the till: 5.00 EUR in cash.",
        "Refund handed out at the till: 5.00 EUR in cash.",
    ]


def test_money_in_another_currency_is_said_in_it() -> None:
    """That of a stray payment, of its refund, and of what a bank takes."""
    assert amounts(placed_order(), captured(stray("jpy"), 500), refunds("jpy"), disputed())[1:] == [
        "Payment captured: 500 JPY, charge ch.",
        "Refund requested: 500 JPY, late.",
        "Refund owed at the till: 500 JPY in cash.",
        "Refund handed out at the till: 500 JPY in cash.",
        "Payment disputed: 22.08 USD, dp.",
        "Stripe returned 2.08 USD of a decided dispute.",
    ]


def test_a_payment_that_was_captured_in_another_currency_is_said_in_it() -> None:
    """No line says it in the price's."""
    assert amounts(placed_order(), captured(new_payment(), 2208, "usd"))[1:] == [
        "Payment captured: 22.08 USD, charge ch."
    ]


def test_without_a_price_an_amount_is_in_minor_units() -> None:
    """Nothing names a currency before the price is locked."""
    assert amounts(new_order(), refunds())[0] == "Refund requested: 500 minor units, late."
