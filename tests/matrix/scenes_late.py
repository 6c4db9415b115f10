"""The ways of a payment that no purchase waits for, as the matrix plays them."""

from tests.matrix.scenes import Scene, sale, unpaid
from tests.matrix.stage import Stage
from workflows.payment_case import CaseInput, PaymentCaseWorkflow
from workflows.purchase import PurchaseInput

REACHES = ("resolve_late_payment",)


async def _late_news(stage: Stage, intent_id: str) -> str:
    purchase = await stage.world.ref()
    again = PurchaseInput(purchase=purchase, show_id="sh", poll_seconds=stage.world.poll_seconds)
    case = CaseInput(purchase=purchase, intent_id=intent_id, again=again, venue_id="ve")
    await stage.begin(f"payment-case/{intent_id}", PaymentCaseWorkflow.run, case)
    return str(await stage.end())


async def late_news_of_an_unpaid_one(stage: Stage) -> str:
    await unpaid(stage)
    return await _late_news(stage, await stage.world.intent_id())


async def late_news_of_a_sold_one(stage: Stage) -> str:
    await sale(stage)
    return await _late_news(stage, await stage.world.intent_id())


SCENES: tuple[Scene, ...] = (
    Scene("late news, unpaid", PaymentCaseWorkflow, REACHES, "canceled", late_news_of_an_unpaid_one),
    Scene("late news, sold", PaymentCaseWorkflow, REACHES, "sold", late_news_of_a_sold_one),
)
