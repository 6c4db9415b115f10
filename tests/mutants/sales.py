"""Seeded bugs of stock and orders."""

from tests.mutants.mutant import Mutant

ALLOCATION = "tests/domain/stock/test_allocation.py"
ORDER = "tests/domain/orders/test_order.py"
STORE = "tests/activities/test_idempotency.py"

STOCK = (
    Mutant(
        "more seats are sold than available",
        "domain/stock/allocation.py",
        "if quantity > self.available:",
        "if quantity > self.capacity:",
        f"{ALLOCATION}::test_more_than_is_left_is_refused_with_what_is_left",
    ),
    Mutant(
        "a buyer gives tickets back at the end of the show's time",
        "domain/catalog/details.py",
        "if until is not None and at >= until:",
        "if until is not None and at > until:",
        "tests/api/routes/test_refund_window.py::test_a_buyer_may_within_the_window_and_not_after_it",
    ),
    Mutant(
        "a tombstone does not refuse the late hold",
        "domain/stock/allocation.py",
        "        if key in self.tombstones:\n"
        '            raise HoldReleased("the hold was released or has expired", key=key)\n'
        "        if until <= at:",
        "        if until <= at:",
        f"{ALLOCATION}::test_a_release_that_comes_first_refuses_the_late_hold",
    ),
    Mutant(
        "a released hold is confirmed",
        "domain/stock/allocation.py",
        "            if key in self.tombstones:\n"
        '                raise HoldReleased("the hold was released or has expired", key=key)\n',
        "",
        f"{ALLOCATION}::test_a_released_hold_is_neither_placed_nor_confirmed_again",
    ),
    Mutant(
        "a release keeps the seats",
        "domain/stock/allocation.py",
        "            allocation.count_held(hold, -hold.quantity)\n            allocation.tombstones",
        "            allocation.tombstones",
        f"{ALLOCATION}::test_a_reservation_is_taken_back_to_a_hold_and_then_released",
    ),
    Mutant(
        "a tombstone is swept before its time",
        "domain/stock/allocation.py",
        "for key, end in self.tombstones.items() if end > at}",
        "for key, end in self.tombstones.items() if end < at}",
        f"{ALLOCATION}::test_an_ended_hold_leaves_only_a_tombstone_and_that_for_a_bounded_time",
    ),
    Mutant(
        "holds of a failing decision stay",
        "domain/stock/allocation.py",
        "        while len(self._unsealed) > savepoint[1]:",
        "        while len(self._unsealed) < savepoint[1]:",
        "tests/domain/core/test_unit_of_work.py::test_a_failure_with_unsealed_holds_only_costs_no_load",
    ),
    Mutant(
        "holds placed before a failing decision are lost",
        "domain/stock/allocation.py",
        "for hold in sealed.holds[: savepoint[1]]:",
        "for hold in sealed.holds[savepoint[1] :]:",
        "tests/domain/core/test_unit_of_work.py::test_a_failure_after_an_event_keeps_the_holds_placed_before_it",
    ),
    Mutant(
        "the buyer limit ignores earlier tickets",
        "domain/stock/buyer_limit.py",
        "if tickets_max and taken + quantity > tickets_max:",
        "if tickets_max and quantity > tickets_max:",
        "tests/activities/sales/test_request_purchase.py::test_a_named_buyer_has_so_many_tickets_of_a_show",
    ),
    Mutant(
        "the queue ends an open checkout",
        "domain/orders/order.py",
        "not self.checkout_open and not self.capture_requested and at",
        "not self.capture_requested and at",
        "tests/activities/sales/test_request_purchase.py::test_a_checkout_that_opened_in_time_is_not_ended_by_the_queue",
    ),
    Mutant(
        "the queue ends a free order that is sold",
        "domain/orders/order.py",
        "not self.checkout_open and not self.capture_requested and at",
        "not self.checkout_open and at",
        "tests/activities/sales/test_request_purchase.py::test_a_free_order_that_is_sold_is_not_ended_by_the_queue",
    ),
    Mutant(
        "an ended order can be paid",
        "activities/payments/intent.py",
        "        if hold_until is None:  # the intent is recorded all the same: it must be cancelled\n",
        "        if state is None:\n",
        "tests/workflows/test_purchase_cancels.py::test_an_order_that_ends_while_its_intent_is_made_is_never_paid",
    ),
    Mutant(
        "a hold is ended by another maker",
        "domain/stock/allocation.py",
        "if maker is not None and hold.maker != maker:",
        "if maker is not None and not hold.maker:",
        f"{ALLOCATION}::test_a_maker_finds_its_own_holds_only",
    ),
)

ORDERS = (
    Mutant(
        "a cancel is taken while the money is being taken",
        "domain/orders/order.py",
        "if self.is_sold or (self.is_open and self.capture_requested):\n            raise CancelTooLate",
        "if self.is_sold:\n            raise CancelTooLate",
        f"{STORE}::test_a_confirmation_before_the_cancel_refuses_the_cancel",
    ),
    Mutant(
        "money is taken after the buyer's cancel",
        "domain/orders/order.py",
        "if self.cancel_requested or self.is_unsold:",
        "if self.is_unsold:",
        f"{STORE}::test_a_cancel_before_the_capture_refuses_the_confirmation",
    ),
    Mutant(
        "the price is not locked",
        "domain/orders/order.py",
        "        if self.price is not None:\n            return self.price\n",
        "        if self.price == price:\n            return self.price\n",
        f"{ORDER}::test_the_price_is_locked_by_the_first_call",
    ),
    Mutant(
        "a key is used again with another body",
        "domain/orders/order.py",
        "if body_digest != self.body_digest:",
        "if not body_digest:",
        f"{ORDER}::test_the_same_key_and_body_is_the_same_purchase",
    ),
    Mutant(
        "a purchase that is being cancelled can be paid",
        "domain/orders/order.py",
        "return led if self.BEGINS_ATTEMPT else max(state, led, key=FORWARD.index)",
        "return led",
        "tests/domain/orders/test_state.py::test_a_cancel_shows_at_once_and_stays",
    ),
    Mutant(
        "the read models show another state than the order",
        "adapters/read_models/purchase.py",
        'is_queued = purchase["queue_until"] is not None',
        "is_queued = False",
        "tests/adapters/read_models/test_purchase_state.py::test_every_way_of_a_purchase_reads_the_same",
    ),
    Mutant(
        "an unpaid order is confirmed",
        "domain/orders/order.py",
        "if self.is_placed and self.capture_requested:",
        "if self.is_placed:",
        f"{ORDER}::test_only_a_requested_capture_is_confirmed",
    ),
    Mutant(
        "a sold order is cancelled",
        "domain/orders/order.py",
        "        self.check_unsold()\n        if self.is_open and self.price is None",
        "        if self.is_open and self.price is None",
        f"{ORDER}::test_a_sold_order_is_not_cancelled",
    ),
    Mutant(
        "a refused buyer's key stays taken",
        "domain/orders/order.py",
        "if self.is_open and self.price is None and reason in FREES_KEY:",
        "if self.is_open and self.price is None and not reason:",
        f"{STORE}::test_a_refused_key_begins_anew",
    ),
    Mutant(
        "a late step of a former attempt acts on the next one",
        "activities/sales/order.py",
        "return uow.get(Order, purchase.purchase_id).attempt > purchase.attempt",
        "return uow.get(Order, purchase.purchase_id).attempt < purchase.attempt",
        f"{STORE}::test_a_late_step_of_a_refused_attempt_leaves_the_next_one_alone",
    ),
    Mutant(
        "an ended order keeps its tickets",
        "activities/sales/order.py",
        "            ticket.void(uow.at)\n",
        "            ticket.check_void()\n",
        f"{STORE}::test_the_whole_way_back_repeats_without_a_trace",
    ),
    Mutant(
        "a confirmed hold is not taken back",
        "activities/sales/order.py",
        "            allocation.unconfirm(key, uow.at)\n",
        "",
        f"{STORE}::test_the_whole_way_back_repeats_without_a_trace",
    ),
    Mutant(
        "seats are confirmed without asking for the capture",
        "activities/sales/order.py",
        "            order.request_capture(uow.at)\n",
        "",
        f"{STORE}::test_a_confirmation_before_the_cancel_refuses_the_cancel",
    ),
    Mutant(
        "a void ticket is issued",
        "domain/tickets/ticket.py",
        '        if self.state == "void":\n'
        '            raise WrongState("the ticket is void and cannot be issued", ticket_id=self.identity)\n'
        '        if self.state == "reserved":\n',
        '        if self.state != "issued":\n',
        "tests/domain/tickets/test_ticket.py::test_an_unpaid_ticket_is_voided_for_good",
    ),
    Mutant(
        "a token is signed for a ticket that nobody paid",
        "domain/tickets/ticket.py",
        'None if self.state in {"issued", "redeemed"} else',
        'None if self.state != "void" else',
        "tests/domain/tickets/test_ticket.py::test_nothing_is_signed_for_an_unpaid_ticket",
    ),
)
