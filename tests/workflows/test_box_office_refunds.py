"""Refunds of box office sales, on fakes: cash is handed out by a clerk, free tickets move no money."""

import pytest
from temporalio.client import Client

from domain.core.errors import WrongState
from domain.money.books import buyer_refundable
from domain.money.money import Tender
from domain.payouts.payee import Payee
from tests.fakes.world import SagaWorld
from tests.workflows.test_refund import begin as begin_refund
from tests.workflows.test_refund import ended
from tests.workflows.test_show_cancellation import all_refunds, begin, call_off, sell
from tests.workflows.test_show_cancellation import ended as cancelled

pytestmark = pytest.mark.slow  # rare ways: see the fast tier in docs/how-to-read-the-tests.md


async def box_office(world: SagaWorld, client: Client, tender: Tender, key: str = "key") -> None:
    handle, _ = await world.start(client, await world.request(key, tender=tender))
    assert (await world.ended(handle)).outcome == "fulfilled"


@pytest.mark.parametrize(("fees", "till", "venue"), [("platform", 0, 0), ("venue", 0, -150), ("buyer", -150, -150)])
async def test_a_cash_order_is_given_back_at_the_till(
    world: SagaWorld, client: Client, fees: str, till: int, venue: int
) -> None:
    """Stripe is never called; the refund is complete once posted, and the fees are borne as in any refund."""
    await world.open_show()
    await box_office(world, client, "cash")
    refund = await world.decide_refund(fees=fees, cash_handed_out=True)
    assert await ended(world, await begin_refund(client, refund)) == "refunded"
    assert [one.state for one in await all_refunds(world)] == ["succeeded"]
    books = world.books()
    assert (books["till:ve:cash", "eur"], books["venue:ve:payable", "eur"]) == (till, venue)
    assert books["venue:ve:paid-out", "eur"] == -till
    payee = await world.store.read(lambda uow: uow.get(Payee, "ve"))
    assert payee.owed_minor == {"eur": -venue}
    assert not world.gateway.calls
    assert sum(world.chain.burnt.values()) == 2


async def test_cash_is_owed_at_the_till_until_a_clerk_hands_it_out(world: SagaWorld, client: Client) -> None:
    """A decision gives no cash out: the till still has it, for the buyer. A clerk's word is recorded once."""
    await world.open_show()
    await box_office(world, client, "cash")
    refund = await world.decide_refund()
    purchase_id = refund.purchase.purchase_id
    with pytest.raises(WrongState, match="not owed at the till"):
        await world.refunds.hand_out_cash(purchase_id, refund.refund_id)
    assert await ended(world, await begin_refund(client, refund)) == "refunded"
    (owed,) = await all_refunds(world)
    assert (owed.state, owed.at_till) == ("requested", True)
    books = world.books()
    assert books[buyer_refundable(purchase_id), "eur"] == -books["till:ve:cash", "eur"] == 2150
    assert (books["venue:ve:payable", "eur"], books["venue:ve:paid-out", "eur"]) == (0, 0)
    await world.check_invariants()
    for _ in range(2):
        await world.refunds.hand_out_cash(purchase_id, refund.refund_id)
    (paid,) = await all_refunds(world)
    assert (paid.state, paid.at_till) == ("succeeded", False)
    assert not any(world.books()[account, "eur"] for account in ("till:ve:cash", buyer_refundable(purchase_id)))


async def test_no_card_payment_is_handed_out(world: SagaWorld, client: Client) -> None:
    """Cash for an order that was paid by card is refused, at the request and after it."""
    await world.open_show()
    await sell(world, client, "card")
    with pytest.raises(WrongState, match="not paid in cash"):
        await world.decide_refund("card", cash_handed_out=True)
    refund = await world.decide_refund("card")
    with pytest.raises(WrongState, match="not owed at the till"):
        await world.refunds.hand_out_cash(refund.purchase.purchase_id, refund.refund_id)
    await ended(world, await begin_refund(client, refund))


async def test_complimentary_tickets_are_given_back_without_money(world: SagaWorld, client: Client) -> None:
    """They are void and burnt, and nobody is owed money."""
    await world.open_show()
    await box_office(world, client, "complimentary")
    refund = await world.decide_refund()
    assert (refund.amount_minor, len(refund.ticket_ids)) == (0, 2)
    assert [one.state for one in await all_refunds(world)] == ["requested"]  # until the workflow runs
    assert await ended(world, await begin_refund(client, refund)) == "refunded"
    assert [one.state for one in await all_refunds(world)] == ["succeeded"]
    assert not world.gateway.calls
    assert sum(world.chain.burnt.values()) == 2


async def test_a_cancelled_show_of_every_tender_comes_to_its_end(world: SagaWorld, client: Client) -> None:
    """Cash, complimentary and card orders are all refunded; no order is left, and the cash waits at the till."""
    await world.open_show()
    await box_office(world, client, "cash", "cash")
    await box_office(world, client, "complimentary", "free")
    await sell(world, client, "card")
    await call_off(world, "platform")
    assert await cancelled(world, client, await begin(client)) == "finished"
    assert sorted(one.given.total_minor for one in await all_refunds(world)) == [0, 1104, 2150]
    assert {one.state for one in await all_refunds(world) if not one.at_till} == {"succeeded"}
    (cash,) = [one for one in await all_refunds(world) if one.at_till]
    assert world.books()["till:ve:cash", "eur"] == -2150
    await world.refunds.hand_out_cash((await world.order("cash")).identity, cash.refund_id)
    assert world.books()["till:ve:cash", "eur"] == 0
