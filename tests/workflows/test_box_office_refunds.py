"""Refunds of box office sales, on fakes: cash is handed out by an operator, free tickets move no money."""

import pytest
from temporalio.client import Client

from domain.core.errors import WrongState
from domain.money.money import Tender
from domain.payouts.payee import Payee
from tests.fakes.world import SagaWorld
from tests.workflows.test_refund import begin as begin_refund
from tests.workflows.test_refund import ended
from tests.workflows.test_show_cancellation import all_refunds, begin, call_off, sell
from tests.workflows.test_show_cancellation import ended as cancelled


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


async def test_a_cash_refund_needs_an_operators_confirmation(world: SagaWorld, client: Client) -> None:
    """Without the confirmation it is refused, and so is cash for an order paid by card."""
    await world.open_show()
    await box_office(world, client, "cash", "cash")
    with pytest.raises(WrongState, match="paid in cash"):
        await world.decide_refund("cash")
    await sell(world, client, "card")
    with pytest.raises(WrongState, match="not paid in cash"):
        await world.decide_refund("card", cash_handed_out=True)


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
    """Cash, complimentary and card orders are all refunded; no order is left."""
    await world.open_show()
    await box_office(world, client, "cash", "cash")
    await box_office(world, client, "complimentary", "free")
    await sell(world, client, "card")
    await call_off(world, "platform")
    assert await cancelled(world, client, await begin(client)) == "finished"
    assert sorted(one.given.total_minor for one in await all_refunds(world)) == [0, 1104, 2150]
    assert {one.state for one in await all_refunds(world)} == {"succeeded"}
    assert world.books()["till:ve:cash", "eur"] == 0
