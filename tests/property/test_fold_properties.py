"""Every aggregate equals the fold of its stored events, after any commands."""

import contextlib
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalog.discount import Discount
from domain.catalog.show import Show
from domain.catalog.venue import Venue
from domain.core.aggregate import Aggregate
from domain.core.errors import Refusal
from domain.core.unit_of_work import UnitOfWork
from domain.money.books import BooksTransaction, TransactionPosted, sale_postings
from domain.orders.order import Order
from domain.payments.payment import Payment
from domain.stock.allocation import Allocation
from domain.stock.reservation import Reservation, ReservationConfirmed, ReservationEnded
from domain.tickets.ticket import Ticket
from tests.fakes.samples import (
    AT,
    LATER,
    LINES,
    PRICE,
    REQUEST,
    SIGNED,
    events_of,
    folded,
    new_allocation,
    new_discount,
    new_order,
    new_payment,
    new_reservation,
    new_show,
    new_ticket,
    new_venue,
    state_of,
    through_json,
)

Act = Callable[[Any, int], object]
STEPS = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 3)), max_size=20)


def new_books() -> BooksTransaction:
    postings = [posting.plain() for posting in sale_postings("ve", PRICE, 94, 2)]
    events = {"tenant_id": "default", "purchase_id": "pu", "kind": "sale"}
    return BooksTransaction.begin(TransactionPosted, "pu:sale", AT, postings=postings, **events)


TOKEN: list[Act] = [
    lambda bearer, n: bearer.sign_token(SIGNED.model_copy(update={"signature": f"s{n}"}), AT, bearer.signed),
    lambda bearer, n: bearer.mint_token("mint", f"s{n}", AT),
]
ACTS: dict[type[Aggregate], tuple[Callable[[], Aggregate], list[Act]]] = {
    Allocation: (
        new_allocation,
        [
            lambda stock, n: stock.place(f"k{n}", n + 1, LATER, "purchase", AT),
            lambda stock, n: stock.confirm(f"k{n}", AT),
            lambda stock, n: stock.unconfirm(f"k{n}", AT),
            lambda stock, n: stock.release(f"k{n}", "test", AT),
        ],
    ),
    Order: (
        new_order,
        [
            lambda order, n: order.ask_again(f"body{n}", AT, **REQUEST),
            lambda order, n: order.end("sold-out", AT),
            lambda order, n: order.place("ve", PRICE, LINES, AT),
            lambda order, n: order.request_cancel(AT),
            lambda order, n: order.request_capture(AT),
            lambda order, n: order.extend_hold(LATER + timedelta(seconds=n), AT),
            lambda order, n: order.confirm(AT),
            lambda order, n: order.fulfil(AT),
            lambda order, n: order.end(f"reason{n}", AT),
        ],
    ),
    Payment: (
        new_payment,
        [
            lambda payment, n: payment.decline(f"code{n}", AT),
            lambda payment, n: payment.authorise(AT),
            lambda payment, n: payment.capture("ch", payment.amount_minor, n, AT),
            lambda payment, n: payment.cancel(AT),
            lambda payment, n: payment.owe(AT),
            lambda payment, n: payment.refund(f"re{n}", AT),
        ],
    ),
    Ticket: (new_ticket, [lambda ticket, n: ticket.issue(AT), lambda ticket, n: ticket.void(AT), *TOKEN]),
    Venue: (new_venue, TOKEN),
    Show: (
        new_show,
        [
            lambda show, n: show.open_sale(AT),
            lambda show, n: show.change_price("floor", 1000 + n, AT),
            lambda show, n: show.change_window(AT + timedelta(days=n), LATER, AT),
            *TOKEN,
        ],
    ),
    Discount: (
        lambda: new_discount(amount_minor=500, limit=2),
        [
            lambda discount, n: discount.claim(f"k{n}", AT),
            lambda discount, n: discount.give_back(f"k{n}", "test", AT),
        ],
    ),
    Reservation: (
        new_reservation,
        [
            lambda made, n: made.record(ReservationConfirmed, AT),
            lambda made, n: made.record(ReservationEnded, AT, reason=f"reason{n}"),
        ],
    ),
    BooksTransaction: (new_books, [lambda books, n: None]),
}


@pytest.mark.parametrize("kind", ACTS, ids=lambda kind: kind.STREAM_CATEGORY)
@given(steps=STEPS)
def test_an_aggregate_is_the_fold_of_its_stored_events(kind: type[Aggregate], steps: list[tuple[int, int]]) -> None:
    """Events that went through JSON rebuild the same aggregate; a refusal leaves no event."""
    begin, acts = ACTS[kind]
    aggregate = begin()
    for index, number in steps:
        known = len(events_of(aggregate))
        try:
            acts[index % len(acts)](aggregate, number)
        except Refusal:
            assert len(events_of(aggregate)) == known
    events = through_json(events_of(aggregate))
    assert events == events_of(aggregate)
    assert [event.originator_version for event in events] == list(range(1, aggregate.version + 1))
    assert state_of(folded(events)) == state_of(aggregate)


@given(
    decisions=st.lists(
        st.tuples(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=4), st.booleans()), max_size=8
    )
)
def test_failing_decisions_among_others_leave_no_trace(
    decisions: list[tuple[list[tuple[int, int]], bool]],
) -> None:
    """A unit of work with failing decisions collects the same events as one without them."""

    def run(*, with_failures: bool) -> list[Any]:
        stored = {aggregate.id: events_of(aggregate) for aggregate in (new_allocation(), new_ticket())}
        uow = UnitOfWork(lambda stream: folded(stored.get(stream, [])), AT)
        for steps, fails in decisions:
            if with_failures or not fails:
                with contextlib.suppress(Refusal, ZeroDivisionError):
                    uow.attempt(partial(decide, steps=steps, fails=fails))
        return sorted(uow.collect(), key=lambda event: (event.originator_id, event.originator_version))

    def decide(uow: UnitOfWork, steps: list[tuple[int, int]], *, fails: bool) -> None:
        for index, number in steps:
            ACTS[Allocation][1][index](uow.get(Allocation, "floor"), number)
            ACTS[Ticket][1][index](uow.get(Ticket, "ti"), number)
        if fails:
            raise ZeroDivisionError

    assert run(with_failures=True) == run(with_failures=False)
