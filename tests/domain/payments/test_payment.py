"""Payment: every transition is monotonic, so that late and repeated updates change nothing."""

import pytest

from domain.core.errors import WrongState
from domain.payments.payment import Payment
from domain.payments.webhook_event import WebhookEvent
from tests.fakes.samples import AT, names_of, new_payment


@pytest.fixture
def payment() -> Payment:
    return new_payment(amount_minor=2208)


def capture(payment: Payment, amount: int = 2208) -> None:
    payment.capture("ch", amount, 94, AT)


def test_the_good_way_is_walked_once(payment: Payment) -> None:
    """Repeated updates are recorded once."""
    for _ in range(2):
        payment.authorise(AT)
    for _ in range(2):
        capture(payment)
    assert names_of(payment) == ["PaymentAuthorised", "PaymentCaptured"]
    assert (payment.captured_minor, payment.stripe_fee_minor, payment.charge_id) == (2208, 94, "ch")


def test_a_capture_may_come_without_an_authorisation(payment: Payment) -> None:
    """An automatic capture needs no authorisation, and a late authorisation changes nothing."""
    capture(payment)
    payment.authorise(AT)
    payment.decline("generic_decline", AT)
    assert (payment.state, names_of(payment)) == ("captured", ["PaymentCaptured"])


def test_a_decline_is_recorded_once_per_news(payment: Payment) -> None:
    """A repeated decline code is not recorded, another one is; the payment stays open."""
    for code in ("generic_decline", "generic_decline", "insufficient_funds"):
        payment.decline(code, AT)
    assert (payment.declines, payment.decline_code, payment.state) == (2, "insufficient_funds", "open")


@pytest.mark.parametrize("amount", [2207, 2209, 0])
def test_another_amount_is_recorded_as_it_was_taken(payment: Payment, amount: int) -> None:
    """The captured amount is recorded even if it differs from the price, so that it can be refunded."""
    capture(payment, amount)
    assert (payment.captured_minor, payment.currency) == (amount, "eur")


def test_another_currency_is_recorded_as_it_was_taken(payment: Payment) -> None:
    """The payment has the currency that was really charged."""
    payment.capture("ch_1", 2208, 94, AT, "usd")
    assert payment.currency == "usd"


@pytest.mark.parametrize("authorised", [False, True])
def test_a_cancelled_payment_brings_no_money(payment: Payment, *, authorised: bool) -> None:
    """Open or authorised, it is cancelled once; a later capture or refund is refused."""
    if authorised:
        payment.authorise(AT)
    payment.cancel(AT)
    payment.cancel(AT)
    payment.authorise(AT)
    with pytest.raises(WrongState):
        capture(payment)
    with pytest.raises(WrongState):
        payment.refund("re", AT)
    assert payment.state == "cancelled"


def test_captured_money_is_owed_before_it_is_refunded(payment: Payment) -> None:
    """Money that bought nothing is owed, then refunded, once each; late updates change nothing after it."""
    with pytest.raises(WrongState):
        payment.owe(AT)
    capture(payment)
    with pytest.raises(WrongState):
        payment.refund("re", AT)
    for _ in range(2):
        payment.owe(AT)
    with pytest.raises(WrongState):
        payment.cancel(AT)
    for _ in range(2):
        payment.refund("re", AT)
    payment.cancel(AT)
    capture(payment)
    assert (payment.state, payment.refunded_minor) == ("refunded", 2208)
    assert names_of(payment) == ["PaymentCaptured", "PaymentOwed", "PaymentRefunded"]


def test_money_whose_refund_failed_is_owed_again(payment: Payment) -> None:
    """A bank may return a refund that had succeeded."""
    capture(payment)
    payment.owe(AT)
    payment.refund("re", AT)
    payment.owe(AT)
    assert (payment.state, payment.refunded_minor) == ("owed", 0)
    payment.refund("re_2", AT)
    assert (payment.state, payment.refunded_minor) == ("refunded", 2208)


@pytest.mark.parametrize(
    ("kind", "about_money"),
    [
        ("payment_intent.succeeded", True),
        ("payment_intent.amount_capturable_updated", True),
        ("payment_intent.canceled", False),
    ],
)
def test_an_event_about_money_differs_from_others(kind: str, *, about_money: bool) -> None:
    """Only events of money that arrived or can be captured outlive their purchase."""
    refs = {"event_id": "ev", "object_id": "pi", "intent_id": "pi", "purchase_id": None, "digest": ""}
    assert WebhookEvent.model_validate({**refs, "type": kind, "created": None}).is_about_money is about_money
