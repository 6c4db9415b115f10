"""Two refunds at once: without a decision in one transaction they exceed the price."""

import asyncio
from collections.abc import Callable
from typing import Any

from activities.core.commands import PurchaseRef
from activities.refunds.request_refund import RefundCommands, RequestRefund
from adapters.event_store.store import PostgresEventStore
from domain.core.errors import RefundExceeds
from domain.core.unit_of_work import UnitOfWork
from domain.invariants.invariant import REFUNDS
from domain.money.breakdown import amount_breakdown
from domain.payments.refund import Refund
from domain.payments.refunds import RefundRequested, Refunds
from tests.contract.event_stores import AT
from tests.fakes.store_world import StoreWorld
from tests.race.judged import broken_invariants

MOST = 2000
TERMS: dict[str, Any] = {"body_digest": "r", "reason": "goodwill", "fees": "platform"}


def refund_request(number: int) -> RequestRefund:
    return RequestRefund(
        tenant_id="default",
        purchase_id="pu",
        refund_id=f"rf_{number}",
        amount_minor=MOST,
        **TERMS,
    )


async def sold(shop: StoreWorld) -> PurchaseRef:
    """Sell two floor tickets, of which 2208 is paid; a first small refund opens the purchase's refunds."""
    purchase = await shop.bought(floor=2)
    await shop.sales.confirm_seats(purchase)
    await shop.capture(purchase)
    await shop.sales.confirm_order(purchase)
    await RefundCommands(shop.store).request_refund(refund_request(0).model_copy(update={"amount_minor": 100}))
    return purchase


async def given_back(store: PostgresEventStore) -> int:
    """Return the sum of all refunds."""

    def look(uow: UnitOfWork) -> int:
        return sum(refund.given.total_minor for refund in uow.get(Refunds, "pu").refunds.values())

    return await store.read(look)


async def decided_outside(store: PostgresEventStore, number: int) -> Callable[[UnitOfWork], None]:
    """Read the rest, decide on it, and return a decision that records the refund unchecked."""
    book = await store.read(lambda uow: uow.get(Refunds, "pu"))
    part = amount_breakdown(book.left(), MOST, "eur")
    book.request(Refund(refund_id=f"rf_{number}", ticket_ids=(), given=part, **TERMS), AT)
    (event,) = book.collect_events()
    values = {name: getattr(event, name) for name in ("refund_id", *TERMS, "ticket_ids", "given", "amount_minor")}
    return lambda uow: uow.get(Refunds, "pu").record(RefundRequested, uow.at, **values)


async def test_refunds_decided_outside_the_transaction_exceed_the_price(
    shop: StoreWorld, postgres: PostgresEventStore, second: PostgresEventStore
) -> None:
    """Both see the same rest, and both are accepted."""
    await sold(shop)
    stores = (postgres, second)
    decisions = [await decided_outside(store, number) for number, store in enumerate(stores, start=1)]
    for store, decide in zip(stores, decisions, strict=True):
        await store.commit(decide)
    assert await given_back(postgres) == 100 + 2 * MOST
    assert REFUNDS.name in broken_invariants(postgres)


async def test_two_refunds_at_once_stay_within_what_was_paid(
    shop: StoreWorld, postgres: PostgresEventStore, second: PostgresEventStore
) -> None:
    """Each is decided in one transaction on the current rest: one is accepted, in either process."""
    await sold(shop)
    handlers = [RefundCommands(postgres), RefundCommands(second)] * 4
    requests = (handler.request_refund(refund_request(number)) for number, handler in enumerate(handlers, start=1))
    answers = await asyncio.gather(*requests, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, RefundExceeds)]
    assert len(refused) == len(answers) - 1
    assert await given_back(postgres) == 100 + MOST
    assert broken_invariants(postgres) == set()
