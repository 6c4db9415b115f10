"""The scenes of settlement: onboarding of a venue, a round of transfers and the next one, and a payout."""

from temporalio.testing import ActivityEnvironment

from activities.payouts.ports import PayoutRef, VenueRef
from domain.money.books import venue_account
from domain.payouts.connected_account import PayoutStatus
from tests.matrix.stage import Stage
from workflows.payouts import OnboardingInput, OnboardingWorkflow, PayoutWorkflow, TransfersInput, TransfersWorkflow

VENUE = VenueRef(tenant_id="default", venue_id="ve")
ROUNDS_MAX = 6
ROUND = TransfersInput(delay_seconds=0, minimum_minor=1)


async def onboarding(stage: Stage) -> str:
    await stage.world.open_show()
    start = OnboardingInput(venue=VENUE, poll_seconds=30)
    await stage.begin("onboarding/ve", OnboardingWorkflow.run, start)
    await stage.end()
    return "ready" if len(stage.world.connect.accounts) == 1 else f"{len(stage.world.connect.accounts)} accounts"


async def sold_to_a_ready_venue(stage: Stage) -> None:
    """Sell two tickets outside the cell's fault, and connect the venue."""
    world = stage.world
    await world.open_show()
    handle, _ = await world.buy(stage.client)
    world.gateway.pay(await world.intent_id())
    await handle.signal("look_again")
    with stage.server.auto_time_skipping_disabled():
        await handle.result()
    await ActivityEnvironment().run(world.payouts.connect_account, VENUE)


async def transfers(stage: Stage) -> str:
    """A round; while the share is cancelled, refused or set aside, also the next ones, as the schedule starts them."""
    await sold_to_a_ready_venue(stage)
    for number in range(1, ROUNDS_MAX + 1):
        await stage.begin(f"transfers/{number}", TransfersWorkflow.run, ROUND)
        done = await stage.end()
        if done is not None and done.orders:
            break
    return f"sent {stage.world.books().get((venue_account('ve', 'available'), 'eur'), 0)}"


async def payout(stage: Stage) -> str:
    """Stripe pays out; if the news is set aside as refused, the next one follows the payout again."""
    await sold_to_a_ready_venue(stage)
    world = stage.world
    await ActivityEnvironment().run(world.payouts.transfer_share, await world.ref())
    world.connect.balances["acct_ve_5"] -= 2000  # Stripe's schedule pays it out
    world.connect.payouts["po_1"] = PayoutStatus(payout_id="po_1", status="paid", amount_minor=2000, currency="eur")
    ref = PayoutRef(account_id="acct_ve_5", payout_id="po_1", event_id="evt_1")
    await stage.begin("payout/po_1/evt_1", PayoutWorkflow.run, ref)
    if await stage.end() == "lost":
        again = ref.model_copy(update={"event_id": "evt_2"})
        await stage.begin("payout/po_1/evt_2", PayoutWorkflow.run, again)
        await stage.end()
    return f"paid out {world.books().get((venue_account('ve', 'paid_out'), 'eur'), 0)}"
