"""Seeded bugs of stock and orders."""

from tests.mutants.mutant import Tooth

ALLOCATION = "tests/domain/stock/test_allocation.py"
ORDER = "tests/domain/orders/test_order.py"
STORE = "tests/activities/test_idempotency.py"

STOCK = (
    Tooth(
        "sells more than there is",
        "domain/stock/allocation.py",
        "if quantity > self.available:",
        "if quantity > self.capacity:",
        f"{ALLOCATION}::test_more_than_is_left_is_refused_with_what_is_left",
    ),
    Tooth(
        "a tombstone does not hold",
        "domain/stock/allocation.py",
        '        if key in self.tombstones:\n            raise HoldReleased("this hold has ended", key=key)\n'
        "        if until <= at:",
        "        if until <= at:",
        f"{ALLOCATION}::test_a_release_that_comes_first_refuses_the_late_hold",
    ),
    Tooth(
        "a released hold is confirmed",
        "domain/stock/allocation.py",
        '            if key in self.tombstones:\n                raise HoldReleased("this hold has ended", key=key)\n',
        "",
        f"{ALLOCATION}::test_a_released_hold_is_neither_placed_nor_confirmed_again",
    ),
    Tooth(
        "a release keeps the seats",
        "domain/stock/allocation.py",
        "            aggregate.held -= hold.quantity\n            aggregate.tombstones",
        "            aggregate.tombstones",
        f"{ALLOCATION}::test_a_reservation_is_taken_back_to_a_hold_and_then_released",
    ),
    Tooth(
        "a tombstone is swept before its time",
        "domain/stock/allocation.py",
        "for key, end in self.tombstones.items() if end > at}",
        "for key, end in self.tombstones.items() if end < at}",
        f"{ALLOCATION}::test_an_ended_hold_leaves_only_a_tombstone_and_that_for_a_bounded_time",
    ),
    Tooth(
        "holds of a failing decision stay gathered",
        "domain/stock/allocation.py",
        "        while len(self._gathered) > mark[1]:",
        "        while len(self._gathered) < mark[1]:",
        "tests/domain/core/test_unit_of_work.py::test_a_failure_that_only_gathered_costs_no_load",
    ),
    Tooth(
        "holds gathered before a failing decision are lost",
        "domain/stock/allocation.py",
        "for hold in sealed.holds[: mark[1]]:",
        "for hold in sealed.holds[mark[1] :]:",
        "tests/domain/core/test_unit_of_work.py::test_a_failure_after_a_fact_keeps_the_holds_that_were_gathered_before_it",
    ),
    Tooth(
        "one buyer takes all",
        "domain/stock/buyer_limit.py",
        "if tickets_max and taken + quantity > tickets_max:",
        "if tickets_max and quantity > tickets_max:",
        "tests/activities/sales/test_request_purchase.py::test_a_named_buyer_has_so_many_tickets_of_a_show",
    ),
    Tooth(
        "the queue ends an open checkout",
        "domain/orders/order.py",
        "waits = not self.checkout_open and not self.capture_requested",
        "waits = not self.capture_requested",
        "tests/activities/sales/test_request_purchase.py::test_a_checkout_that_opened_in_time_is_not_ended_by_the_queue",
    ),
    Tooth(
        "the queue ends a free order that is sold",
        "domain/orders/order.py",
        "waits = not self.checkout_open and not self.capture_requested",
        "waits = not self.checkout_open",
        "tests/activities/sales/test_request_purchase.py::test_a_free_order_that_is_sold_is_not_ended_by_the_queue",
    ),
    Tooth(
        "an ended order can be paid",
        "activities/payments/intent.py",
        "        if hold_until is None:  # the intent is a fact all the same: it has to be cancelled\n",
        "        if state is None:\n",
        "tests/workflows/test_purchase_cancels.py::test_an_order_that_ends_while_its_intent_is_made_is_never_paid",
    ),
    Tooth(
        "one door ends another door's hold",
        "domain/stock/allocation.py",
        "if maker is not None and hold.maker != maker:",
        "if maker is not None and not hold.maker:",
        f"{ALLOCATION}::test_a_door_finds_its_own_holds_only",
    ),
)

ORDERS = (
    Tooth(
        "a cancel is taken while the money is being taken",
        "domain/orders/order.py",
        "if self.capture_requested or self.is_sold:\n            raise CancelTooLate",
        "if self.is_sold:\n            raise CancelTooLate",
        f"{STORE}::test_a_confirmation_before_the_cancel_refuses_the_cancel",
    ),
    Tooth(
        "money is taken after the buyer's cancel",
        "domain/orders/order.py",
        'if self.cancel_requested or self.state in {"cancelled", "refused"}:',
        'if self.state in {"cancelled", "refused"}:',
        f"{STORE}::test_a_cancel_before_the_capture_refuses_the_confirmation",
    ),
    Tooth(
        "the price is not locked",
        "domain/orders/order.py",
        "        if self.price is not None:\n            return self.price\n",
        "        if self.price == price:\n            return self.price\n",
        f"{ORDER}::test_the_price_is_locked_by_the_first_call",
    ),
    Tooth(
        "a key is used again with another body",
        "domain/orders/order.py",
        "if body_digest != self.body_digest:",
        "if not body_digest:",
        f"{ORDER}::test_the_same_key_and_body_is_the_same_purchase",
    ),
    Tooth(
        "an unpaid order is confirmed",
        "domain/orders/order.py",
        'if self.state == "placed" and self.capture_requested:',
        'if self.state == "placed":',
        f"{ORDER}::test_only_a_requested_capture_is_confirmed",
    ),
    Tooth(
        "a sold order is cancelled",
        "domain/orders/order.py",
        '            raise WrongState("a sold order is not cancelled", state=self.state)\n',
        "            self.record(OrderCancelled, at, reason=reason)\n",
        f"{ORDER}::test_a_sold_order_is_not_cancelled",
    ),
    Tooth(
        "a refused buyer's key stays taken",
        "domain/orders/order.py",
        'if self.state == "requested" and reason in FREES_KEY:',
        'if self.state == "requested" and not reason:',
        f"{STORE}::test_a_refused_key_begins_anew",
    ),
    Tooth(
        "a late step of a former attempt acts on the next one",
        "activities/sales/order.py",
        "return desk.get(Order, purchase.purchase_id).attempt > purchase.attempt",
        "return desk.get(Order, purchase.purchase_id).attempt < purchase.attempt",
        f"{STORE}::test_a_late_step_of_a_refused_attempt_leaves_the_next_one_alone",
    ),
    Tooth(
        "an ended order keeps its tickets",
        "activities/sales/order.py",
        "            ticket.void(desk.at)\n",
        "            ticket.check_void()\n",
        f"{STORE}::test_the_whole_way_back_repeats_without_a_trace",
    ),
    Tooth(
        "a confirmed hold is not taken back",
        "activities/sales/order.py",
        "            allocation.unconfirm(key, desk.at)\n",
        "",
        f"{STORE}::test_the_whole_way_back_repeats_without_a_trace",
    ),
    Tooth(
        "seats are confirmed without asking for the capture",
        "activities/sales/order.py",
        "            _order(desk, purchase).request_capture(desk.at)\n",
        "            _order(desk, purchase)\n",
        f"{STORE}::test_a_confirmation_before_the_cancel_refuses_the_cancel",
    ),
    Tooth(
        "a void ticket is issued",
        "domain/tickets/ticket.py",
        '        if self.state == "void":\n            raise WrongState("a void ticket is not issued", '
        "ticket_id=self.identity)\n"
        '        if self.state == "reserved":\n',
        '        if self.state != "issued":\n',
        "tests/domain/tickets/test_ticket.py::test_an_unpaid_ticket_is_voided_for_good",
    ),
    Tooth(
        "a token is signed for a ticket that nobody paid",
        "domain/tickets/ticket.py",
        'return None if self.state in {"issued", "redeemed"} else',
        'return None if self.state != "void" else',
        "tests/domain/tickets/test_ticket.py::test_nothing_is_signed_for_an_unpaid_ticket",
    ),
)
