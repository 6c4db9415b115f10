"""Order: from the request to each of its ends; cancel and capture exclude each other; a refused key is free again."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from pydantic import ValidationError

from domain.catalog.line import Line
from domain.core.errors import CancelTooLate, KeyReused, PriceMoved, PurchaseCancelled, WrongState
from domain.core.evidence import SaleMade
from domain.orders.order import Order, first_deadline
from tests.fakes.samples import AT, LATER, LINES, PRICE, REQUEST, names_of, new_order, placed_order

Step = Callable[[Order], object]


@pytest.fixture
def order() -> Order:
    return placed_order()


def sold() -> Order:
    order = placed_order()
    order.request_capture(AT)
    order.confirm(AT)
    return order


def fulfilled() -> Order:
    order = sold()
    order.fulfil(AT)
    return order


def cancelled() -> Order:
    order = placed_order()
    order.end("hold-expired", AT)
    return order


def refused() -> Order:
    order = new_order()
    order.end("sold-out", AT)
    return order


def test_the_good_way_is_walked_once() -> None:
    """Each step records one event, also if it is repeated."""
    order = new_order()
    steps: list[Step] = [
        lambda order: order.place("ve", PRICE, LINES, AT),
        lambda order: order.request_capture(AT),
        lambda order: order.confirm(AT),
        lambda order: order.fulfil(AT),
    ]
    for step in steps:
        step(order)
        step(order)
    assert names_of(order) == ["OrderPlaced", "CaptureRequested", "OrderConfirmed", "OrderFulfilled"]
    assert (order.state, order.price, order.venue_id) == ("fulfilled", PRICE, "ve")
    order.confirm(AT)
    assert order.state == "fulfilled"


def test_the_price_is_locked_by_the_first_call(order: Order) -> None:
    """A later price does not change a placed order."""
    order.place("ve", PRICE.model_copy(update={"total_minor": 1}), LINES, AT)
    assert order.price == PRICE


@pytest.mark.parametrize("ended", [cancelled, refused])
def test_an_ended_order_is_neither_placed_nor_paid(ended: Callable[[], Order]) -> None:
    """A late step is refused and records no event."""
    order = ended()
    before = names_of(order)
    with pytest.raises(PurchaseCancelled):
        order.place("ve", PRICE, LINES, AT)
    with pytest.raises(PurchaseCancelled):
        order.request_capture(AT)
    order.request_cancel(AT)
    assert names_of(order) == before


def test_a_cancel_before_the_capture_refuses_the_capture(order: Order) -> None:
    """The cancel came first: the capture is refused, and cancelling again changes nothing."""
    order.request_cancel(AT)
    order.request_cancel(AT)
    with pytest.raises(PurchaseCancelled):
        order.request_capture(AT)
    assert names_of(order) == ["OrderPlaced", "CancelRequested"]


def test_a_purchase_that_is_given_up_is_not_captured(order: Order) -> None:
    """It is given up once; a capture that was requested before must become known."""
    ended = cancelled()
    ended.give_up(AT)
    assert not ended.given_up
    order.give_up(AT)
    order.give_up(AT)
    with pytest.raises(PurchaseCancelled, match="operator"):
        order.request_capture(AT)
    assert names_of(order) == ["OrderPlaced", "OrderGivenUp"]


def test_a_capture_that_was_requested_goes_on_when_its_purchase_is_given_up(order: Order) -> None:
    """A repeat of the step is not refused: the money may be on its way."""
    order.request_capture(AT)
    order.give_up(AT)
    order.request_capture(AT)
    order.confirm(AT)
    assert (order.state, order.given_up) == ("confirmed", True)


def test_a_capture_before_the_cancel_refuses_the_cancel(order: Order) -> None:
    """The capture came first: the cancel is refused."""
    order.request_capture(AT)
    with pytest.raises(CancelTooLate):
        order.request_cancel(AT)
    assert names_of(order) == ["OrderPlaced", "CaptureRequested"]


@pytest.mark.parametrize("end", [sold, fulfilled])
def test_a_sold_order_is_not_cancelled(end: Callable[[], Order]) -> None:
    """Neither the buyer nor the saga nor an operator can end a sold order."""
    order = end()
    with pytest.raises(CancelTooLate):
        order.request_cancel(AT)
    with pytest.raises(SaleMade):
        order.end("late", AT)
    with pytest.raises(SaleMade):
        order.give_up(AT)
    assert (order.state in {"confirmed", "fulfilled"}, order.given_up) == (True, False)


def test_a_cancelled_order_keeps_its_first_reason() -> None:
    """Ending it again with another reason changes nothing."""
    order = cancelled()
    order.end("other", AT)
    assert (order.state, order.end_reason) == ("cancelled", "hold-expired")


def test_a_failed_capture_can_still_be_cancelled(order: Order) -> None:
    """The saga can end an order whose capture was only requested; a cancel after that end has nothing to do."""
    order.request_capture(AT)
    order.end("payment-refused", AT)
    before = names_of(order)
    order.request_cancel(AT)
    assert (order.state, names_of(order)) == ("cancelled", before)


def test_only_a_requested_capture_is_confirmed(order: Order) -> None:
    """Without a requested capture, or after its end, an order is not confirmed."""
    for each in (order, new_order(), cancelled(), refused()):
        with pytest.raises(WrongState):
            each.confirm(AT)
        with pytest.raises(WrongState):
            each.fulfil(AT)


def test_no_capture_is_requested_without_a_price() -> None:
    """An order that is not placed cannot be captured, and the buyer can still cancel it."""
    order = new_order()
    with pytest.raises(WrongState):
        order.request_capture(AT)
    order.request_cancel(AT)
    assert names_of(order) == ["CancelRequested"]


def test_a_deadline_only_moves_later(order: Order) -> None:
    """A repeated or an earlier extension changes nothing."""
    later = LATER + timedelta(seconds=60)
    order.extend_hold(later, AT)
    order.extend_hold(later, AT)
    order.extend_hold(LATER, AT)
    assert order.hold_until == later
    assert names_of(order) == ["OrderPlaced", "HoldExtended"]


def test_an_ended_purchase_is_not_extended(order: Order) -> None:
    """A late extension records nothing."""
    order.end("hold-expired", AT)
    order.extend_hold(LATER + timedelta(seconds=60), AT)
    assert order.hold_until == LATER
    assert names_of(order) == ["OrderPlaced", "OrderCancelled"]


def test_the_same_key_and_body_is_the_same_purchase(order: Order) -> None:
    """A repeat records no event; another body under the key is refused."""
    assert order.ask_again("body", AT, **REQUEST) is False
    with pytest.raises(KeyReused):
        order.ask_again("other", AT, **REQUEST)
    assert (order.attempt, names_of(order)) == (1, ["OrderPlaced"])


def test_after_a_refusal_the_key_begins_a_new_attempt() -> None:
    """The new attempt may have another body, and keeps nothing of the former one."""
    order = new_order()
    order.request_cancel(AT)
    order.end("sold-out", AT)
    order.end("again", AT)
    assert (order.state, order.end_reason) == ("refused", "sold-out")
    one_balcony = [{"ticket_type_id": "balcony", "quantity": 1}]
    assert order.ask_again("other", AT, **{**REQUEST, "lines": one_balcony}) is True
    assert (order.attempt, order.state, order.body_digest) == (2, "requested", "other")
    assert order.lines == (Line(ticket_type_id="balcony", quantity=1),)
    assert (order.price, order.venue_id, order.end_reason, order.cancel_requested) == (None, None, None, False)
    order.end("sold-out", AT)
    order.ask_again("third", AT, **REQUEST)
    assert order.attempt == 3


@pytest.mark.parametrize("quantity", [0, 51])
def test_a_line_is_of_one_to_fifty_tickets(quantity: int) -> None:
    """Quantities out of bounds are errors."""
    with pytest.raises(ValidationError):
        Line(ticket_type_id="floor", quantity=quantity)


def test_nothing_is_captured_of_a_free_order() -> None:
    """The capture is waived, a later cancel is refused, and the order can be confirmed."""
    order = new_order()
    order.place("ve", PRICE.model_copy(update={"total_minor": 0}), LINES, AT)
    order.request_capture(AT)
    order.request_capture(AT)
    with pytest.raises(CancelTooLate):
        order.request_cancel(AT)
    order.confirm(AT)
    assert names_of(order) == ["OrderPlaced", "CaptureWaived", "OrderConfirmed"]


def test_a_total_that_the_buyer_did_not_see_is_not_locked() -> None:
    """A total other than the expected one is refused; the next attempt may expect another total."""
    order = new_order(expected_total_minor=PRICE.total_minor - 1)
    with pytest.raises(PriceMoved) as refused:
        order.place("ve", PRICE, LINES, AT)
    assert refused.value.data == {"total_minor": PRICE.total_minor}
    order.end("price-changed", AT)
    assert order.state == "refused"
    order.ask_again("other", AT, expected_total_minor=PRICE.total_minor, discount_code="EARLY", **REQUEST)
    assert order.place("ve", PRICE, LINES, AT) == PRICE
    assert order.discount_code == "EARLY"


def test_a_locked_price_stays_as_it_is() -> None:
    """A later price neither changes it nor is refused."""
    order = new_order(expected_total_minor=PRICE.total_minor)
    order.place("ve", PRICE, LINES, AT)
    assert order.place("ve", PRICE.model_copy(update={"total_minor": 1}), LINES, AT) == PRICE


def test_a_request_has_a_deadline() -> None:
    """The end of the queue, or of the hold for requests stored before the queue existed."""
    assert [first_deadline(AT, LATER), first_deadline(None, LATER)] == [AT, LATER]
    with pytest.raises(ValueError, match="queue_until or hold_until"):
        first_deadline(None, None)
