"""The engine of the API tests: it runs a purchase up to the open checkout at once."""

from activities.core.about import About
from activities.core.commands import (
    CapacityChange,
    EndPurchase,
    HoldRef,
    MintSubject,
    MintTicket,
    PurchaseRef,
    RefundRef,
)
from activities.sales.order import SalesActivities
from domain.core.actor import acting_as
from domain.core.errors import Refusal
from domain.orders.order import Order
from tests.fakes.event_store import FakeEventStore
from tests.fakes.paying import open_payment
from tests.fakes.small_tables import MemoryCheckouts
from workflows.purchase import CheckoutAnswer


class SellingEngine:
    """Runs a purchase up to the open checkout at once, once per attempt; `away` gives no answer, as when paused."""

    def __init__(self, store: FakeEventStore, secrets: MemoryCheckouts) -> None:
        self._store = store
        self._secrets = secrets
        self.away = False
        self._answers: dict[tuple[str, int], CheckoutAnswer] = {}
        self.told: list[tuple[str, str]] = []

    async def open_purchase(self, purchase: PurchaseRef, about: About) -> CheckoutAnswer | None:
        self.told.append(("open_purchase", purchase.purchase_id))
        if self.away:
            return None
        attempt = (purchase.purchase_id, purchase.attempt)
        if attempt not in self._answers:
            with acting_as(None):  # the engine acts for itself
                self._answers[attempt] = await self._open(purchase)
        return self._answers[attempt]

    async def _open(self, purchase: PurchaseRef) -> CheckoutAnswer:
        sales = SalesActivities(self._store)
        try:
            order = await sales.place_order(purchase)
        except Refusal as refusal:
            await sales.cancel_order(EndPurchase(purchase=purchase, reason=refusal.code))
            return CheckoutAnswer(state="ended", refusal_code=refusal.code, refusal_detail=str(refusal))
        if order.price.charge_minor == 0:
            await sales.confirm_seats(purchase)
            return CheckoutAnswer(state="open", order=order)
        await self._store.commit(lambda uow: open_payment(uow, purchase))
        await self._store.commit(lambda uow: uow.get(Order, purchase.purchase_id).open_checkout(uow.at))
        self._secrets.kept[purchase.purchase_id] = f"secret-of-{purchase.purchase_id}"
        return CheckoutAnswer(state="open", order=order)

    async def buyer_cancelled(self, purchase_id: str) -> bool | None:
        return self._tell("buyer_cancelled", purchase_id)

    async def look_again(self, purchase_id: str) -> bool | None:
        return self._tell("look_again", purchase_id)

    async def register(self, subject: MintSubject, about: About) -> bool:
        return bool(self._tell("register", subject.subject_id))

    async def watch_hold(self, hold: HoldRef, about: About) -> bool:
        return bool(self._tell("watch_hold", hold.reservation_id))

    async def change_capacity(self, change: CapacityChange, about: About) -> bool:
        return bool(self._tell("change_capacity", f"{change.show_id}/{change.number}"))

    async def hold_ended(self, reservation_id: str) -> bool | None:
        return self._tell("hold_ended", reservation_id)

    async def start_refund(self, refund: RefundRef, about: About) -> bool:
        return bool(self._tell("start_refund", refund.refund_id))

    async def start_claim(self, claimed: MintTicket, about: About) -> bool:
        return bool(self._tell("start_claim", claimed.ticket_id))

    async def start_cancellation(self, tenant_id: str, about: About) -> bool:
        return bool(self._tell("start_cancellation", about.show_id))

    async def endpoint_news(self, endpoint_id: str) -> bool | None:
        return self._tell("endpoint_news", endpoint_id)

    async def cancellation_news(self, show_id: str) -> bool | None:
        return self._tell("cancellation_news", show_id)

    def _tell(self, verb: str, identity: str) -> bool | None:
        self.told.append((verb, identity))
        return None if self.away else True
