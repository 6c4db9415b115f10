"""The scenes of a payment that no purchase waits for."""

from domain.core.ids import DEFAULT_TENANT
from domain.payments.payment_intent import IntentRequest
from tests.matrix.scenes import SOLD, Scene, sale, unpaid
from tests.matrix.stage import Stage
from workflows.payment_case import CaseInput, PaymentCaseWorkflow
from workflows.purchase import PurchaseInput

PRICE_MINOR = 2208
REACHES = ("resolve_late_payment",)
TAKEN_UP = ("place_order", "create_intent", "confirm_seats", "capture_payment", *SOLD)


async def _late_news(stage: Stage, intent_id: str) -> str:
    purchase = await stage.world.ref()
    again = PurchaseInput(purchase=purchase, show_id="sh", poll_seconds=stage.world.poll_seconds)
    case = CaseInput(purchase=purchase, intent_id=intent_id, again=again, venue_id="ve")
    await stage.begin(f"payment-case/{intent_id}", PaymentCaseWorkflow.run, case)
    return str(await stage.end())


async def _stray(stage: Stage, capture_method: str) -> str:
    """Pay by an intent with the purchase's metadata that is not its own."""
    purchase, gateway = await stage.world.ref(), stage.world.gateway
    request = IntentRequest.model_validate({
        "tenant_id": DEFAULT_TENANT, "purchase_id": purchase.purchase_id, "amount_minor": PRICE_MINOR,
        "currency": "eur", "capture_method": capture_method,
    })  # fmt: skip
    created = await gateway.create_intent(request, "stray")
    gateway.pay(created.intent_id)
    return created.intent_id


async def late_news_of_an_unpaid_one(stage: Stage) -> str:
    await unpaid(stage)
    return await _late_news(stage, await stage.world.intent_id())


async def late_news_of_a_sold_one(stage: Stage) -> str:
    await sale(stage)
    return await _late_news(stage, await stage.world.intent_id())


async def late_money_that_buys(stage: Stage) -> str:
    """The hold has expired and seats are free: the payment case restarts the purchase, which then runs by itself."""
    await unpaid(stage)
    end = await _late_news(stage, await _stray(stage, "manual"))
    await stage.until(lambda: any(type(event).__name__ == "OrderFulfilled" for event in stage.world.store.log))
    return end


async def second_payment(stage: Stage) -> str:
    """A sold order is paid a second time."""
    await sale(stage)
    return await _late_news(stage, await _stray(stage, "automatic"))


SCENES: tuple[Scene, ...] = (
    Scene("late news, unpaid", PaymentCaseWorkflow, REACHES, "canceled", late_news_of_an_unpaid_one),
    Scene("late news, sold", PaymentCaseWorkflow, REACHES, "sold", late_news_of_a_sold_one),
    Scene("late money, buys", PaymentCaseWorkflow, (*REACHES, *TAKEN_UP), "sold", late_money_that_buys, TAKEN_UP),
    Scene("late money, second", PaymentCaseWorkflow, REACHES, "owed", second_payment),
)
