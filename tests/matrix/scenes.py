"""Every path of a workflow: the activities that it reaches, and its end without a fault."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from temporalio.service import RPCError
from temporalio.testing import ActivityEnvironment

from activities.core.commands import HoldRef, MintSubject
from activities.sales.ticket_api_holds import MakeReservation, ReservationView
from domain.catalog.line import Line
from domain.catalog.show import Show
from domain.catalog.venue import Venue
from domain.stock.reservation import Reservation
from tests.matrix.cells import Row
from tests.matrix.scenes_capacity import more_tickets
from tests.matrix.scenes_dispute import won_dispute
from tests.matrix.scenes_payouts import onboarding, payout, transfers
from tests.matrix.scenes_pinning import pinning
from tests.matrix.stage import Stage
from workflows.dispute import DisputeWorkflow
from workflows.payouts import OnboardingWorkflow, PayoutWorkflow, TransfersWorkflow
from workflows.purchase import PurchaseInput, PurchaseWorkflow
from workflows.stock.capacity import CapacityWorkflow
from workflows.stock.ticket_api_hold import HoldWorkflow
from workflows.tokens.pinning import PinningWorkflow
from workflows.tokens.registration import RegisterInput, ShowWorkflow, VenueWorkflow

HOLD_SECONDS = 120
SOLD = ("confirm_order", "mint_ticket", "settle_mint", "settle_sale", "close_checkout", "fulfil_order")
OPENED = ("place_order", "create_intent", "look_at_intent")
UNDONE = ("cancel_payment", "cancel_order")
# A refusal of one of these ends the purchase; every other activity is retried until it succeeds.
REFUSABLE = {*OPENED, "extend_hold", "confirm_seats", "capture_payment"}
# A refusal of one of these leaves it to the next round, to the next news, or to the operator who acted and is told.
RETRIED = {"transfer_share", "follow_payout", "record_operator_act"}
# A cancel during one of these undoes the purchase.
BEFORE_PIVOT = {*OPENED, "extend_hold", "confirm_seats"}


class Scene(NamedTuple):
    """A path of a workflow. `play` runs it and returns its end; `ends` is its end without a fault.

    `same` are activities whose cells are in `sale`: those before the two paths part, and after they meet again.
    """

    name: str
    workflow: type
    reaches: tuple[str, ...]
    ends: str
    play: Callable[[Stage], Awaitable[str]]
    same: tuple[str, ...] = ()
    webhooks: bool = False

    @property
    def has_payment(self) -> bool:
        """Whether the workflow waits for money; a cancel must be seen before, at the end of a workflow task."""
        return "create_intent" in self.reaches

    @property
    def row(self) -> Row:
        return Row(self.name, tuple(name for name in self.reaches if name not in self.same), self.webhooks)


async def buy(stage: Stage, quantity: int = 2, capture_method: str = "manual", *, placed: bool = True) -> None:
    """Open the show, record a request, place its order if `placed`, and start its purchase."""
    await stage.world.open_show(hold_seconds=HOLD_SECONDS, capture_method=capture_method)
    ask = stage.world.request if placed else stage.world.only_requested
    purchase = await ask(quantity=quantity)
    start = PurchaseInput(
        purchase=purchase,
        show_id="sh",
        poll_seconds=stage.world.poll_seconds,
        processing_extension_seconds=stage.world.processing_extension_seconds,
    )
    await stage.begin(f"purchase/{purchase.purchase_id}", PurchaseWorkflow.run, start)


async def checkout(stage: Stage) -> str | None:
    """Wait for a PaymentIntent and return its id; None if the purchase ended before."""
    world = stage.world
    await stage.until(lambda: bool(world.gateway.intents) or any(_is_end(event) for event in world.store.log))
    return next(iter(world.gateway.intents), None)


def _is_end(event: object) -> bool:
    return type(event).__name__ in {"OrderCancelled", "PurchaseRefused", "OrderFulfilled"}


async def webhook(stage: Stage) -> None:
    """Signal the purchase as a webhook event does; ignore that it has ended."""
    assert stage.handle is not None
    try:
        await stage.handle.signal(PurchaseWorkflow.look_again)
    except RPCError:  # it has ended
        return


async def purchase_end(stage: Stage) -> str:
    """Wait for the purchase's end; return the order's state and end reason."""
    await stage.end()
    order = await stage.world.order()
    return f"{order.state}: {order.end_reason}" if order.end_reason else order.state


async def pay(stage: Stage) -> None:
    """Pay as soon as there is a PaymentIntent, and deliver the webhook event."""
    intent_id = await checkout(stage)
    if intent_id is not None and stage.world.gateway.intents[intent_id].status == "requires_payment_method":
        stage.world.gateway.pay(intent_id)
        await webhook(stage)


async def sale(stage: Stage) -> str:
    await buy(stage)
    await pay(stage)
    return await purchase_end(stage)


async def another_sale(stage: Stage) -> str:
    """Sell to a second buyer, whose purchase runs beside the cell's workflow; return its id."""
    world = stage.world
    purchase = await world.request("two")
    handle, _ = await world.start(stage.client, purchase)
    world.gateway.pay(await world.intent_id("two"))
    await handle.signal(PurchaseWorkflow.look_again)
    await handle.result()
    return purchase.purchase_id


async def free(stage: Stage) -> str:
    """There is nothing to pay."""
    stage.world.price_minor = 0
    await buy(stage)
    return await purchase_end(stage)


async def slow_payment(stage: Stage) -> str:
    """The bank decides after the hold's end."""
    await buy(stage)
    intent_id = await checkout(stage)
    gateway = stage.world.gateway
    if intent_id is not None:
        gateway.begin_processing(intent_id)
        await stage.until(
            lambda: (
                bool({"extend_hold", "cancel_payment"} & {*stage.faults.ran})
                or any(_is_end(event) for event in stage.world.store.log)
            )
        )
        if gateway.intents[intent_id].status == "processing":
            gateway.finish_processing(intent_id)
            await webhook(stage)
    return await purchase_end(stage)


async def refused_capture(stage: Stage) -> str:
    stage.world.gateway.refuse("capture_intent")
    return await sale(stage)


async def sold_out(stage: Stage) -> str:
    await buy(stage, quantity=11, placed=False)
    return await purchase_end(stage)


async def cancelled_by_buyer(stage: Stage) -> str:
    """The buyer cancels while the purchase waits for payment."""
    await buy(stage)
    if await checkout(stage) is not None:
        await stage.left_first_stage()
        await stage.world.purchases.request_cancel((await stage.world.order()).identity)
        assert stage.handle is not None
        await stage.handle.signal(PurchaseWorkflow.buyer_cancelled)
    return await purchase_end(stage)


async def cancelled_after_automatic_capture(stage: Stage) -> str:
    """The money is captured at payment, and the buyer cancels before the seats are confirmed: it is owed."""
    await buy(stage, capture_method="automatic")
    if (intent_id := await checkout(stage)) is not None:
        await stage.world.purchases.request_cancel((await stage.world.order()).identity)
        if stage.world.gateway.intents[intent_id].status == "requires_payment_method":
            stage.world.gateway.pay(intent_id)
        await webhook(stage)
    return await purchase_end(stage)


async def unpaid(stage: Stage) -> str:
    await buy(stage)
    return await purchase_end(stage)


async def disputed(stage: Stage) -> str:
    await sale(stage)
    return await won_dispute(stage)


async def looked_at(stage: Stage) -> str:
    """An operator looks at a dispute before any news of its end."""
    await sale(stage)
    return await won_dispute(stage, by_operator=True)


async def venue(stage: Stage) -> str:
    await stage.world.announce()
    subject = MintSubject(tenant_id="default", kind="venue", subject_id="ve")
    await stage.begin("venue/ve", VenueWorkflow.run, RegisterInput(subject=subject))
    await stage.end()
    found = await stage.world.store.read(lambda uow: uow.get(Venue, "ve"))
    assert found.mint_address is None or stage.world.chain.landings[found.mint_address] == 1
    return "on chain" if found.mint_address else "not on chain"


async def show(stage: Stage) -> str:
    await stage.world.announce()
    venue_subject = MintSubject(tenant_id="default", kind="venue", subject_id="ve")
    await ActivityEnvironment().run(stage.world.minting.mint_group, venue_subject)
    subject = MintSubject(tenant_id="default", kind="show", subject_id="sh")
    await stage.begin("show/sh", ShowWorkflow.run, RegisterInput(subject=subject))
    await stage.end()
    found = await stage.world.store.read(lambda uow: uow.get(Show, "sh"))
    assert found.mint_address is None or stage.world.chain.landings[found.mint_address] == 1
    return "on sale" if found.on_sale else "not on sale"


async def _reserve(stage: Stage) -> ReservationView:
    await stage.world.open_show(hold_seconds=HOLD_SECONDS)
    lines = [Line(ticket_type_id="tt", quantity=3)]
    made = MakeReservation(
        tenant_id="default", reservation_id="re", show_id="sh", lines=lines, hold_seconds=HOLD_SECONDS
    )
    view = await stage.world.holds.reserve(made)
    hold = HoldRef(tenant_id="default", reservation_id="re", until=view.until)
    await stage.begin("hold/re", HoldWorkflow.run, hold)
    return view


async def _hold_end(stage: Stage) -> str:
    await stage.end()
    reservation = await stage.world.store.read(lambda uow: uow.get(Reservation, "re"))
    seats = 3 if reservation.state == "confirmed" else 0
    assert await stage.world.stock() == (10 - seats, 0, seats)
    return str(reservation.state)


async def internal_hold_expires(stage: Stage) -> str:
    await _reserve(stage)
    return await _hold_end(stage)


async def internal_hold_confirmed(stage: Stage) -> str:
    await _reserve(stage)
    await stage.world.holds.confirm("re")
    assert stage.handle is not None
    await stage.handle.signal(HoldWorkflow.hold_ended)
    return await _hold_end(stage)


EXTENDED = (*OPENED, "extend_hold", "confirm_seats", "capture_payment", *SOLD)
CANCELLED = "cancelled: purchase-cancelled"
SALE = (*OPENED, "confirm_seats", "capture_payment", *SOLD)
FREE = ("place_order", "confirm_seats", *(name for name in SOLD if name != "close_checkout"))
SCENES: tuple[Scene, ...] = (
    Scene("sale", PurchaseWorkflow, SALE, "fulfilled", sale, webhooks=True),
    Scene("slow payment", PurchaseWorkflow, EXTENDED, "fulfilled", slow_payment, (*OPENED[:-1], *SOLD)),
    Scene("free", PurchaseWorkflow, FREE, "fulfilled", free, ("mint_ticket", "settle_mint")),
    Scene("unpaid", PurchaseWorkflow, (*OPENED, *UNDONE), "cancelled: hold-expired", unpaid, OPENED[:-1]),
    Scene("cancelled by the buyer", PurchaseWorkflow, (*OPENED, *UNDONE), CANCELLED, cancelled_by_buyer, OPENED[:-1]),
    Scene(
        "refunded",
        PurchaseWorkflow,
        (*OPENED, "confirm_seats", *UNDONE),
        "cancelled: purchase-cancelled",
        cancelled_after_automatic_capture,
        OPENED,
    ),
    Scene(
        "refused capture",
        PurchaseWorkflow,
        (*OPENED, "confirm_seats", "capture_payment", *UNDONE),
        "cancelled: payment-refused",
        refused_capture,
        (*OPENED, "confirm_seats"),
    ),
    Scene(
        "sold out", PurchaseWorkflow, ("place_order", "cancel_payment", "cancel_order"), "refused: sold-out", sold_out
    ),
    Scene("venue", VenueWorkflow, ("mint_group",), "on chain", venue),
    Scene("show", ShowWorkflow, ("mint_group", "open_sale"), "on sale", show),
    Scene("capacity", CapacityWorkflow, ("lower_stock", "fit_group", "raise_stock"), "made", more_tickets),
    Scene("dispute", DisputeWorkflow, ("look_at_dispute",), "won", disputed),
    Scene(
        "dispute, an operator looks",
        DisputeWorkflow,
        ("look_at_dispute", "record_operator_act"),
        "won",
        looked_at,
        ("look_at_dispute",),
    ),
    Scene("internal hold, expires", HoldWorkflow, ("expire_reservation",), "released", internal_hold_expires),
    Scene("onboarding", OnboardingWorkflow, ("connect_account", "look_at_account"), "ready", onboarding),
    Scene("transfers", TransfersWorkflow, ("list_due_transfers", "transfer_share"), "sent 2000", transfers),
    Scene("pinning", PinningWorkflow, ("pin_files",), "pinned 4", pinning),
    Scene("payout", PayoutWorkflow, ("follow_payout",), "paid out 2000", payout),
    Scene("internal hold, confirmed", HoldWorkflow, ("expire_reservation",), "confirmed", internal_hold_confirmed),
)
