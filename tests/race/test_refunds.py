"""Two refunds at once: without one place that both decide at, more is given back than was paid."""

import asyncio
from collections.abc import Callable
from typing import Any

from activities.core.commands import PurchaseRef
from activities.refunds.request_refund import RefundDoor, RequestRefund
from adapters.event_store.store import PostgresLedger
from domain.core.errors import RefundExceeds
from domain.core.unit_of_work import Desk
from domain.invariants.invariant import REFUNDS
from domain.money.breakdown import amount_parts
from domain.payments.refund import Refund, RefundRequested, Refunds
from tests.contract.event_stores import AT
from tests.fakes.store_world import StoreWorld
from tests.race.judged import broken_laws

MOST = 2000
TERMS: dict[str, Any] = {"body_digest": "r", "reason": "goodwill", "fees": "platform"}


def wanted(number: int) -> RequestRefund:
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
    await RefundDoor(shop.ledger).request_refund(wanted(0).model_copy(update={"amount_minor": 100}))
    return purchase


async def given_back(ledger: PostgresLedger) -> int:
    """Return what all refunds together give back."""

    def look(desk: Desk) -> int:
        return sum(refund.given.total_minor for refund in desk.get(Refunds, "pu").refunds.values())

    return await ledger.read(look)


async def decided_by_a_look(ledger: PostgresLedger, number: int) -> Callable[[Desk], None]:
    """Look at what is left, decide on that, and return how it would be recorded: a guard that is not held."""
    book = await ledger.read(lambda desk: desk.get(Refunds, "pu"))
    part = amount_parts(book.left(), MOST, "eur")
    book.request(Refund(refund_id=f"rf_{number}", ticket_ids=(), given=part, **TERMS), AT)
    (fact,) = book.collect_events()
    values = {name: getattr(fact, name) for name in ("refund_id", *TERMS, "ticket_ids", "given", "amount_minor")}
    return lambda desk: desk.get(Refunds, "pu").record(RefundRequested, desk.at, **values)


async def test_what_is_decided_by_a_look_is_given_back_twice(
    shop: StoreWorld, postgres: PostgresLedger, second: PostgresLedger
) -> None:
    """Both see the same rest, and both decide: more goes back than was paid."""
    await sold(shop)
    ledgers = (postgres, second)
    decisions = [await decided_by_a_look(ledger, number) for number, ledger in enumerate(ledgers, start=1)]
    for ledger, decide in zip(ledgers, decisions, strict=True):
        await ledger.commit(decide)
    assert await given_back(postgres) == 100 + 2 * MOST
    assert REFUNDS.name in broken_laws(postgres)


async def test_two_refunds_at_once_stay_within_what_was_paid(
    shop: StoreWorld, postgres: PostgresLedger, second: PostgresLedger
) -> None:
    """Decided in one transaction each, by what is left in it: one is accepted, in whichever process."""
    await sold(shop)
    doors = [RefundDoor(postgres), RefundDoor(second)] * 4
    asked = (door.request_refund(wanted(number)) for number, door in enumerate(doors, start=1))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, RefundExceeds)]
    assert len(refused) == len(answers) - 1
    assert await given_back(postgres) == 100 + MOST
    assert broken_laws(postgres) == set()
