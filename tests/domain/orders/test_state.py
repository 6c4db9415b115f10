"""The state of a purchase: it only goes forward, until an attempt begins anew."""

from domain.money.money import FeeRates, price_of
from domain.orders.order import Order, PurchaseRequested
from tests.fakes.samples import AT, LATER, LINES, PRICE, REQUEST, new_order, placed_order

FREE = price_of("eur", ((2, 0),), FeeRates())


def test_a_cancel_shows_at_once_and_stays() -> None:
    """Also before the order is placed; neither the placing nor the checkout hides it."""
    order = new_order()
    order.request_cancel(AT)
    assert order.state == "cancelling"
    order.place("ve", PRICE, LINES, AT)
    order.open_checkout(AT)
    assert (order.state, order.checkout_open) == ("cancelling", True)


def test_only_its_checkout_makes_a_purchase_wait_for_money() -> None:
    """Before, nothing can be paid."""
    order = placed_order()
    states = [order.state]
    order.open_checkout(AT)
    assert [*states, order.state] == ["reserving", "awaiting-payment"]


def test_a_free_order_that_is_sold_waits_for_no_money() -> None:
    """A checkout that opens late does not take it back."""
    order = new_order()
    order.place("ve", FREE, LINES, AT)
    order.request_capture(AT)
    order.confirm(AT)
    order.open_checkout(AT)
    assert (order.state, order.checkout_open) == ("confirmed", True)


def test_a_request_from_before_the_queue_waits_for_money_once_it_is_placed() -> None:
    """Its checkout needs no opening."""
    older = {**REQUEST, "queue_until": None, "hold_until": LATER}
    order = Order.begin(PurchaseRequested, "pu", AT, tenant_id="default", body_digest="body", **older)
    order.place("ve", PRICE, LINES, AT)
    assert order.state == "awaiting-payment"
