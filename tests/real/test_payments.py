"""The cases of docs/payments.md on the real stack, each with a defined end."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

from activities.core.acts import BEAR_EXCESS, PAY_BY_HAND, RETRY_NOW, ActKind
from tests.fakes.operator import operate, operate_in, seen_by_operator
from tests.fakes.patience import PATIENCE_SECONDS
from tests.real.at_stripe import at_stripe, stray
from tests.real.paying import ends, has, opened
from tests.real.shop import Shop
from workflows.core.search_attributes import NEEDS_OPERATOR, STAGE

pytestmark = pytest.mark.real
SLOW = "pm_emulator_slowCard"


@pytest.mark.parametrize("how", ["decline", "expire"])
async def test_a_capture_that_fails_after_the_authorisation(shop: Shop, how: str) -> None:
    """The purchase ends without a sale: the seats are free, and nothing was captured."""
    purchase, intent_id = await opened(shop)
    await shop.emulate("faults", event="payment_intent.*", kind="lost")
    await shop.pay(purchase["client_secret"])
    await shop.emulate(f"payment_intents/{intent_id}/fail_capture", how=how)
    ended = await ends(shop, purchase, "cancelled", "payment-refused")
    assert ended["payment"]["status"] == "cancelled"


@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.nightly
async def test_a_payment_that_stripe_refuses_for_good(shop: Shop, *, cancelled: bool) -> None:
    """The buyer hears it at once with the reason, or cancels first; nothing is held, and no workflow is left."""
    await shop.open()
    await shop.emulate("refuse_intents", code="amount_too_large")
    if cancelled:
        await shop.emulate("faults", method="POST", path="/v1/payment_intents", kind="drop_before", count=3)
    key = f"{shop.show_id}-1"
    purchase_id = shop.id_of_key("pu", key)
    buying = asyncio.create_task(shop.buy(key))
    if cancelled:
        await _until_requested(shop, purchase_id)
        await shop.http.delete(f"/api/v1/purchases/{purchase_id}")
    answer = await buying
    await shop.emulate("refuse_intents", code="none")
    if cancelled and answer.status_code == httpx.codes.CONFLICT:  # the cancel was there before Stripe's refusal
        assert answer.json()["type"] == "urn:boxoffice:problem:purchase-cancelled", answer.text
        reason = "purchase-cancelled"
    else:
        assert answer.status_code == httpx.codes.PAYMENT_REQUIRED, answer.text
        assert answer.json()["values"] == {"reason": "amount_too_large"}
        reason = "payment-refused"
    ended = await ends(shop, {"purchase_id": purchase_id}, "cancelled", reason)
    assert ended["payment"] is None
    workflow = (await shop.engine()).get_workflow_handle(f"purchase/{purchase_id}")
    assert (await workflow.describe()).status == WorkflowExecutionStatus.COMPLETED


async def test_a_capture_whose_answer_was_lost(shop: Shop) -> None:
    """The capture is retried under its key, and made once."""
    purchase, intent_id = await opened(shop)
    path = f"/v1/payment_intents/{intent_id}/capture"
    await shop.emulate("faults", method="POST", path=path, kind="drop_after")
    await shop.pay(purchase["client_secret"])
    ended = await ends(shop, purchase, "fulfilled", None)
    assert ended["payment"]["captured_minor"] == ended["price"]["total_minor"]


@pytest.mark.nightly
async def test_a_capture_that_meets_stored_server_errors(shop: Shop) -> None:
    """Stripe keeps each 500 under its key: after a look the next key is used, and the money is taken once."""
    purchase, intent_id = await opened(shop)
    path = f"/v1/payment_intents/{intent_id}/capture"
    await shop.emulate("faults", method="POST", path=path, kind="sticky:500", count=5)
    await shop.pay(purchase["client_secret"])
    ended = await ends(shop, purchase, "fulfilled", None)
    assert ended["payment"]["captured_minor"] == ended["price"]["total_minor"]


async def test_an_authorisation_that_lapses(shop: Shop) -> None:
    """It lapses before any webhook: the purchase finds no money, and ends without a sale."""
    purchase, intent_id = await opened(shop)
    await shop.emulate("faults", event="payment_intent.*", kind="lost", count=2)
    await shop.pay(purchase["client_secret"])
    await shop.emulate(f"payment_intents/{intent_id}/lapse")
    await ends(shop, purchase, "cancelled", "payment-refused")


@pytest.mark.nightly
async def test_an_authorisation_that_is_about_to_lapse(shop: Shop) -> None:
    """Without a webhook the next poll finds it, and captures the money before it lapses."""
    purchase, intent_id = await opened(shop)
    await shop.emulate("faults", event="payment_intent.*", kind="lost", count=2)
    await shop.pay(purchase["client_secret"])
    await shop.emulate(f"payment_intents/{intent_id}/near_lapse", seconds=30)
    await ends(shop, purchase, "fulfilled", None)


async def test_automatic_capture(shop: Shop) -> None:
    """A show with automatic capture sells as any other."""
    purchase, _ = await opened(shop, capture_method="automatic")
    await shop.pay(purchase["client_secret"])
    await ends(shop, purchase, "fulfilled", None)


@pytest.mark.nightly
async def test_automatic_capture_is_undone_by_a_refund(shop: Shop) -> None:
    """The buyer pays and cancels before the seats are confirmed: the captured money is owed, and refunded."""
    purchase = await paid_and_cancelled(shop)
    seen = await shop.until(purchase["purchase_id"], _refund_is("succeeded"), 60)
    assert [one["reason"] for one in seen["refunds"]] == ["bought-nothing"]
    await returned(shop, purchase, "purchase-cancelled")


@pytest.mark.nightly
async def test_an_undo_whose_refund_fails_at_the_bank(shop: Shop) -> None:
    """It had succeeded, and the bank returns it: seats are free, and the money is owed until an operator pays it."""
    purchase = await paid_and_cancelled(shop, "pm_card_refundFail")
    failed = await shop.until(purchase["purchase_id"], _refund_is("failed"), 60)
    owed, payment = failed["payment"]["captured_minor"], failed["payment"]
    assert (failed["state"], failed["refund_state"], payment["status"]) == ("cancelled", "refunding", "captured")
    assert (payment["owed_minor"], payment["refunded_minor"], owed > 0) == (owed, 0, True)
    assert (await shop.show())["ticket_types"][0]["available"] == shop.capacity
    workflow = (await shop.engine()).get_workflow_handle(f"refund/{failed['refunds'][0]['refund_id']}")
    await reaches(workflow, "failed")
    assert (await workflow.describe()).typed_search_attributes[NEEDS_OPERATOR] is True
    await operate_in(workflow, PAY_BY_HAND, "failed", reference="bank transfer 8")
    await workflow.result()
    ended = await shop.until(purchase["purchase_id"], _refund_is("succeeded"), 60)
    assert (ended["refunds"][0]["paid_by_hand"], ended["refund_state"]) == ("bank transfer 8", "refunded")
    await returned(shop, purchase, "purchase-cancelled")


@pytest.mark.nightly
async def test_an_undo_whose_refund_our_balance_does_not_cover(shop: Shop) -> None:
    """Stripe refuses it for lack of funds: once our balance covers it, it is asked for again under a new key."""
    await shop.emulate("settings", uncovered_refunds="refuse")
    try:  # nobody else sells in this currency: the balance lacks Stripe's fee
        purchase = await paid_and_cancelled(shop, currency="nok")
        failed = await shop.until(purchase["purchase_id"], _refund_is("failed"), 60)
        assert failed["refunds"][0]["failure"] == "insufficient_funds"
        workflow = (await shop.engine()).get_workflow_handle(f"refund/{failed['refunds'][0]['refund_id']}")
        await reaches(workflow, "uncovered")
        await shop.emulate("balance/top_up", amount=10_000, currency="nok")
        await operate_in(workflow, RETRY_NOW, "uncovered")
        await workflow.result()
    finally:
        await shop.emulate("settings", uncovered_refunds="overdraw")
    await returned(shop, purchase, "purchase-cancelled")
    (made,) = (await shop.stripe(f"/v1/refunds?payment_intent={failed['payment']['intent_id']}"))["data"]
    assert made["metadata"]["refund_key"] == f"{failed['refunds'][0]['refund_id']}:refund:2"


@pytest.mark.nightly
async def test_an_undo_that_a_person_refunds_instead(shop: Shop) -> None:
    """The bank refuses our refund, and a person makes it in the dashboard: that one counts, and none is made twice."""
    purchase = await paid_and_cancelled(shop, "pm_card_pendingRefund")
    pending = await shop.until(purchase["purchase_id"], _refund_is("pending"), 60)
    await shop.emulate(f"refunds/{pending['refunds'][0]['stripe_refund_id']}/finish", outcome="fail")
    failed = await shop.until(purchase["purchase_id"], _refund_is("failed"), 60)
    made = await shop.emulate(f"charges/{failed['payment']['charge_id']}/refund_in_dashboard")
    workflow = (await shop.engine()).get_workflow_handle(f"refund/{failed['refunds'][0]['refund_id']}")
    await shop.until(purchase["purchase_id"], _refund_is("pending", made["id"]), 60)
    await operate_in(workflow, RETRY_NOW, "pending")
    await shop.emulate(f"refunds/{made['id']}/finish", outcome="succeed")
    await workflow.result()
    await returned(shop, purchase, "purchase-cancelled")


@pytest.mark.nightly
async def test_a_refund_in_the_dashboard_before_the_sale_is_known(shop: Shop) -> None:
    """A refunded payment buys nothing."""
    purchase, intent_id = await opened(shop, capture_method="automatic")
    await shop.emulate("faults", event="payment_intent.succeeded", kind="lost")
    await shop.pay(purchase["client_secret"])
    charge_id = (await shop.stripe(f"/v1/payment_intents/{intent_id}"))["latest_charge"]
    await shop.emulate(f"charges/{charge_id}/refund_in_dashboard")
    await returned(shop, purchase, "payment-refused")


@pytest.mark.parametrize("changed", [{"amount": "900"}, {"currency": "usd"}])
@pytest.mark.nightly
async def test_another_amount_or_currency(shop: Shop, changed: dict[str, str]) -> None:
    """The payment was changed at Stripe before the buyer paid it: the captured money is refunded."""
    purchase, intent_id = await opened(shop, capture_method="automatic")
    await at_stripe(shop, f"/v1/payment_intents/{intent_id}", changed)
    await shop.pay(purchase["client_secret"])
    await returned(shop, purchase, "payment-refused")


@pytest.mark.parametrize("seats", ["there", "gone"])
@pytest.mark.nightly
async def test_money_that_comes_after_the_hold_has_ended(shop: Shop, seats: str) -> None:
    """Another payment with the purchase's metadata buys the seats if they are still free."""
    purchase, _ = await opened(shop, capacity=1, hold_seconds=2)
    purchase_id = purchase["purchase_id"]
    assert (await shop.ended(purchase_id))["end_reason"] == "hold-expired"
    if seats == "gone":
        other = (await shop.buy(f"{shop.show_id}-2")).json()
        await shop.pay(other["client_secret"])
        await shop.ended(other["purchase_id"])
    late = await stray(shop, purchase)
    if seats == "there":
        sold = await shop.until(purchase_id, lambda seen: seen["state"] == "fulfilled", 60)
        assert sold["payment"]["intent_id"] == late["id"]
        assert await shop.check_sums([purchase_id]) == {"fulfilled": 1}
    else:
        await shop.until(purchase_id, lambda seen: _count(seen, "payment.cancelled") == 2, 60)
        assert (await shop.stripe(f"/v1/payment_intents/{late['id']}"))["status"] == "canceled"
        assert await shop.check_sums([purchase_id, other["purchase_id"]]) == {"fulfilled": 1, "cancelled": 1}


async def test_two_payments_for_one_order(shop: Shop) -> None:
    """The second one is refunded, and the sale stands."""
    purchase, intent_id = await opened(shop)
    await shop.pay(purchase["client_secret"])
    await shop.ended(purchase["purchase_id"])
    second = await stray(shop, purchase, capture_method="automatic")
    await shop.until(purchase["purchase_id"], has("payment.refunded"), 60)
    assert (await shop.stripe(f"/v1/charges?payment_intent={second['id']}"))["data"][0]["refunded"] is True
    ended = await ends(shop, purchase, "fulfilled", None)
    assert (ended["payment"]["intent_id"], ended["payment"]["refunded_minor"]) == (intent_id, 0)
    assert ([one["intent_id"] for one in ended["refunds"]], ended["refund_state"]) == ([second["id"]], "none")


@pytest.mark.nightly
async def test_a_second_payment_whose_refund_fails(shop: Shop) -> None:
    """The bank refuses it after all: it is owed to its buyer, tried again under a new key, and the sale stands."""
    purchase, _ = await opened(shop)
    await shop.pay(purchase["client_secret"])
    await shop.ended(purchase["purchase_id"])
    await stray(shop, purchase, capture_method="automatic", card="pm_card_pendingRefund")
    for outcome, state in (("fail", "failed"), ("succeed", "succeeded")):
        pending = await shop.until(purchase["purchase_id"], _refund_is("pending"), 60)
        (refund,) = pending["refunds"]
        await shop.emulate(f"refunds/{refund['stripe_refund_id']}/finish", outcome=outcome)
        seen = await shop.until(purchase["purchase_id"], _refund_is(state), 60)
        workflow = (await shop.engine()).get_workflow_handle(f"refund/{refund['refund_id']}")
        if outcome == "fail":
            assert seen["refund_state"] == "refunding"
            await operate_in(workflow, RETRY_NOW, "failed")
    await workflow.result()
    await ends(shop, purchase, "fulfilled", None)


@pytest.mark.parametrize("amount", [None, 300])
async def test_a_refund_in_the_dashboard_after_the_sale(shop: Shop, amount: int | None) -> None:
    """It is recorded as our refund: in the books, from the venue's share; a full one voids the tickets."""
    purchase, intent_id = await opened(shop)
    await shop.pay(purchase["client_secret"])
    await shop.ended(purchase["purchase_id"])
    charge_id = (await shop.stripe(f"/v1/payment_intents/{intent_id}"))["latest_charge"]
    await shop.emulate(f"charges/{charge_id}/refund_in_dashboard", **({"amount": amount} if amount else {}))
    seen = await shop.until(purchase["purchase_id"], has("refunds.refund-succeeded"), 60)
    (refund,) = seen["refunds"]
    assert (refund["reason"], refund["amount_minor"]) == ("made-at-stripe", amount or seen["price"]["total_minor"])
    await shop.refunded(purchase["purchase_id"], refund["refund_id"])
    await ends(shop, purchase, "fulfilled", None)


@pytest.mark.nightly
async def test_a_refund_in_the_dashboard_of_more_than_is_owed(shop: Shop) -> None:
    """A part was paid by hand before: an operator lets the platform bear it, and all sums agree."""
    purchase, intent_id = await opened(shop)
    await shop.pay(purchase["client_secret"], "pm_card_pendingRefund")
    ended = await shop.ended(purchase["purchase_id"])
    engine, purchase_id = await shop.engine(), purchase["purchase_id"]
    refund_id = (await shop.refund(purchase_id, "by-hand", amount_minor=600)).json()["refund_id"]
    pending = await shop.until(purchase_id, _refund_is("pending"), 60)
    await shop.emulate(f"refunds/{pending['refunds'][0]['stripe_refund_id']}/finish", outcome="fail")
    refund = engine.get_workflow_handle(f"refund/{refund_id}")
    await operate_in(refund, PAY_BY_HAND, "failed", reference="bank transfer 9")
    await refund.result()
    made = await shop.emulate(f"charges/{ended['payment']['charge_id']}/refund_in_dashboard")
    case = engine.get_workflow_handle(f"payment-case/{intent_id}")
    await offers(case, BEAR_EXCESS)
    await operate(case, BEAR_EXCESS, stage="late-payment")
    await case.result()
    await shop.emulate(f"refunds/{made['id']}/finish", outcome="succeed")
    (adopted,) = [one for one in (await shop.purchase(purchase_id))["refunds"] if one["refund_id"] != refund_id]
    assert adopted["amount_minor"] == purchase["price"]["total_minor"]
    await shop.refunded(purchase_id, adopted["refund_id"])
    await ends(shop, purchase, "fulfilled", None)


@pytest.mark.parametrize("method", ["manual", "automatic"])
async def test_a_slow_payment_keeps_the_hold_until_it_is_decided(shop: Shop, method: str) -> None:
    """The hold's end comes before the bank's decision: the seats stay held, and the payment then buys them."""
    purchase, intent_id = await opened(shop, hold_seconds=4, capture_method=method)
    await shop.pay(purchase["client_secret"], SLOW)
    await shop.until(purchase["purchase_id"], has("order.hold-extended"), 60)
    await shop.emulate(f"payment_intents/{intent_id}/finish_processing", outcome="succeed")
    await ends(shop, purchase, "fulfilled", None)


@pytest.mark.nightly
async def test_a_debit_for_which_the_show_waits_days(shop: Shop) -> None:
    """The show takes a debit alone: the purchase says until when the seats are held, and the money buys them."""
    terms = {"capture_method": "automatic", "payment_methods": ["sepa_debit"], "processing_days": 14}
    purchase, intent_id = await opened(shop, hold_seconds=4, **terms)
    assert await shop.pay(purchase["client_secret"], "pm_card_visa") == httpx.codes.BAD_REQUEST
    assert await shop.pay(purchase["client_secret"], "pm_success_de") == httpx.codes.OK
    seen = await shop.until(purchase["purchase_id"], has("order.hold-extended"), 60)
    waits = datetime.fromisoformat(seen["hold_until"]) - datetime.now(UTC)
    assert timedelta(days=13, hours=23) < waits < timedelta(days=14, hours=1)
    assert seen["payment"]["processing_since"] is not None
    await shop.emulate(f"payment_intents/{intent_id}/finish_processing", outcome="succeed")
    await ends(shop, purchase, "fulfilled", None)


@pytest.mark.parametrize(
    ("outcome", "end"), [("fail", ("cancelled", "hold-expired")), ("succeed", ("fulfilled", None))]
)
@pytest.mark.nightly
async def test_a_slow_payment_that_is_decided_too_late(shop: Shop, outcome: str, end: tuple[str, str | None]) -> None:
    """After the limit an operator is told; the seats stay held, and the bank's decision sells or frees them."""
    purchase, intent_id = await opened(shop, hold_seconds=2, capture_method="automatic")
    await shop.pay(purchase["client_secret"], SLOW)
    workflow = (await shop.engine()).get_workflow_handle(f"purchase/{purchase['purchase_id']}")
    await _until_an_operator_is_needed(workflow)
    seat = (await shop.show())["ticket_types"][0]
    assert (seat["held"], seat["sold"]) == (1, 0)
    await shop.emulate(f"payment_intents/{intent_id}/finish_processing", outcome=outcome)
    await ends(shop, purchase, *end)


def _count(seen: Any, event: str) -> int:
    return sum(line["event"] == event for line in seen["timeline"])


def _refund_is(state: str, made: str | None = None) -> Any:
    """Match a purchase whose only refund is in a state, and is this one of Stripe's if one is named."""
    return lambda seen: (
        [one["state"] for one in seen["refunds"]] == [state] and made in {None, seen["refunds"][0]["stripe_refund_id"]}
    )


async def paid_and_cancelled(shop: Shop, card: str = "pm_card_visa", **terms: Any) -> Any:
    """Pay by automatic capture, and cancel before the purchase hears of it."""
    purchase, _ = await opened(shop, capture_method="automatic", **terms)
    await shop.emulate("faults", event="payment_intent.succeeded", kind="lost")
    await shop.pay(purchase["client_secret"], card)
    cancelled = await shop.http.delete(f"/api/v1/purchases/{purchase['purchase_id']}")
    assert cancelled.status_code == httpx.codes.ACCEPTED
    await shop.ended(purchase["purchase_id"])
    return purchase


async def returned(shop: Shop, purchase: Any, reason: str) -> None:
    """Assert that the purchase ends without a sale, and that its buyer has all of the captured money back."""
    seen = await shop.until(purchase["purchase_id"], lambda now: now["refund_state"] == "refunded", 60)
    payment = seen["payment"]
    assert (payment["status"], payment["owed_minor"]) == ("refunded", 0)
    assert payment["refunded_minor"] == payment["captured_minor"] > 0
    await ends(shop, purchase, "cancelled", reason)


async def reaches(workflow: WorkflowHandle[Any, Any], wanted: str) -> None:
    """Wait until a workflow shows a stage."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        stage = None
        while stage != wanted:
            stage = (await workflow.describe()).typed_search_attributes.get(STAGE)
            await asyncio.sleep(0.2)


async def offers(workflow: WorkflowHandle[Any, Any], act: ActKind[Any]) -> None:
    """Wait until a workflow that may not have begun yet takes an act."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        offered: list[str] = []
        while act.name not in offered:
            with suppress(RPCError):
                offered = [one.name for one in (await seen_by_operator(workflow)).acts]
            await asyncio.sleep(0.2)


async def _until_an_operator_is_needed(workflow: WorkflowHandle[Any, Any]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        needed = False
        while not needed:
            needed = bool((await workflow.describe()).typed_search_attributes.get(NEEDS_OPERATOR))
            await asyncio.sleep(0.2)


async def _until_requested(shop: Shop, purchase_id: str) -> None:
    """Wait until the purchase is known to readers."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if (await shop.http.get(f"/api/v1/purchases/{purchase_id}")).status_code == httpx.codes.OK:
                return
            await asyncio.sleep(0.02)
