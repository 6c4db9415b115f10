"""The steps of a payment at Stripe: create, read, capture and release it."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from temporalio import activity

from activities.core.commands import PaymentStatus, PurchaseRef
from activities.core.ports import Addresses, EventStore, PaymentGateway
from activities.core.task_queues import PURCHASES, STRIPE, activity_on
from activities.payments.release import PaymentRelease, begin_payment, own_money
from domain.catalog.show import Show
from domain.core.end_reasons import OPERATOR_CANCELLED
from domain.core.errors import PaymentRefused, PurchaseCancelled
from domain.core.evidence import EvidenceMissing
from domain.core.unit_of_work import UnitOfWork
from domain.money.money import Price
from domain.orders.order import Order
from domain.payments.payment import IntentCreated, Payment
from domain.payments.payment_intent import IntentRequest, IntentState

PAID = frozenset({"requires_capture", "succeeded"})


class Checkouts(Protocol):
    """The store of client secrets for buyers; outside the events, deleted when the purchase ends."""

    async def keep(self, purchase_id: str, client_secret: str) -> None:
        """Store or replace the secret."""

    async def forget(self, purchase_id: str) -> None:
        """Delete the secret, if there is one."""


class PaymentActivities:
    """One Stripe effect per method, then its event. Keys are `{purchase_id}:{verb}:{attempt}`.

    With `receipts` Stripe mails a receipt to the buyer.
    """

    def __init__(
        self,
        store: EventStore,
        gateway: PaymentGateway,
        checkouts: Checkouts,
        receipts: Addresses | None = None,
    ) -> None:
        self._receipts = receipts
        self._store = store
        self._gateway = gateway
        self._checkouts = checkouts
        self._back = PaymentRelease(store, gateway)

    @activity_on(STRIPE, name="create_intent", local_first=True)
    async def create_intent(self, purchase: PurchaseRef) -> PaymentStatus:
        """Create the PaymentIntent over the locked price and open the checkout; a repeat returns the same intent.

        Refuse one that is cancelled after its capture was requested: its undo was cut off, and is repeated.
        """
        state = await self._create(purchase, check=_check_open)
        # Stored before the event: a client that follows the purchase reads the secret once, on the event.
        await self._checkouts.keep(purchase.purchase_id, state.client_secret)
        reads = (Order.stream(purchase.purchase_id), Payment.stream(own_money(purchase).payment_id))
        hold_until, capture_requested = (await self._store.commit(lambda uow: _open(uow, purchase, state), reads)).value
        if hold_until is None:  # the intent is recorded all the same: it must be cancelled
            raise PurchaseCancelled("the order ended before its checkout opened")
        if capture_requested and state.status == "canceled":
            raise _not_captured(state.status)
        return seen_of(state).model_copy(update={"hold_until": hold_until})

    @activity_on(STRIPE, name="look_at_intent", local_first=True)
    async def look_at_intent(self, purchase: PurchaseRef) -> PaymentStatus:
        """Read the payment from Stripe and record its changes; refuse an amount that differs from the price."""
        state = await self._gateway.retrieve_intent(await self._intent_id(purchase))
        return _paid(state, await self._back.record(own_money(purchase), state))

    @activity_on(STRIPE, name="capture_payment", local_first=True)
    async def capture_payment(self, purchase: PurchaseRef) -> PaymentStatus:
        """Capture the payment; return only once it is captured, refuse when it cannot be captured any more."""
        money = own_money(purchase)
        state = await self._gateway.capture_intent(await self._requested(purchase), money.key("capture"))
        seen = _paid(state, await self._back.record(money, state))
        if seen.status != "succeeded":
            raise _not_captured(seen.status)
        return seen

    @activity_on(STRIPE, name="cancel_payment")
    async def cancel_payment(self, purchase: PurchaseRef) -> PaymentStatus | None:
        """Release the payment: cancel it, or refund the captured amount.

        An intent whose creation is unknown is created again with the same key, and then cancelled; one that Stripe
        refused is not. Return None when no intent can exist (no order was placed, it has no charge, or Stripe refused
        the intent), or when a newer attempt has begun, so that this one was released before. Refuse a sold order: it
        needs a refund.
        """
        return await self.release(purchase)

    async def release(self, purchase: PurchaseRef, *, bears_excess: bool = False) -> PaymentStatus | None:
        """Release the payment, as `cancel_payment` does; the platform may bear what a person refunded beyond it."""
        order = await self._store.read(lambda uow: uow.get(Order, purchase.purchase_id))
        if order.attempt > purchase.attempt:
            return None
        order.check_unsold()
        if order.price is None or order.price.charge_minor == 0:
            return None
        try:
            state = await self._create(purchase)
        except PaymentRefused:  # recorded: there is no intent to release
            return None
        await self._store.commit(lambda uow: _payment(uow, purchase, state))
        state = await self._back.release_payment(own_money(purchase), state, bears_excess=bears_excess)
        await self._checkouts.forget(purchase.purchase_id)
        return seen_of(state)

    @activity_on(PURCHASES, name="close_checkout")
    async def close_checkout(self, purchase: PurchaseRef) -> None:
        """Forget the client secret of a purchase that is paid."""
        await self._checkouts.forget(purchase.purchase_id)

    async def _create(
        self, purchase: PurchaseRef, check: Callable[[UnitOfWork, PurchaseRef], None] | None = None
    ) -> IntentState:
        """Create the intent, or return the one that exists; record a refusal, which is never asked for again."""

        def look(uow: UnitOfWork) -> tuple[str | None, IntentRequest, str]:
            if check is not None:
                check(uow, purchase)
            _check_not_refused(uow, purchase)
            known = uow.find(Payment, own_money(purchase).payment_id)
            buyer_id = uow.get(Order, purchase.purchase_id).buyer_id
            return known.intent_id if known is not None else None, _request(uow, purchase), buyer_id

        reads = (Order.stream(purchase.purchase_id), Payment.stream(own_money(purchase).payment_id))
        intent_id, request, buyer_id = await self._store.read(look, reads)
        if intent_id is not None:
            return await self._gateway.retrieve_intent(intent_id)
        if self._receipts is not None:
            request = request.model_copy(update={"receipt_email": await self._receipts.email_of(buyer_id)})
        found = await self._made_before(request) if activity.info().attempt > 1 else None
        if found is not None:
            return found
        try:
            return await self._gateway.create_intent(request, own_money(purchase).key("intent"))
        except PaymentRefused as refusal:
            # An earlier create may have succeeded whose key Stripe has forgotten since.
            found = await self._made_before(request)
            if found is not None:
                return found
            reason = str(refusal.data.get("reason") or "unknown")
            await self._store.commit(lambda uow: _refuse_payment(uow, purchase, reason))
            raise _refused(reason) from refusal

    async def _made_before(self, request: IntentRequest) -> IntentState | None:
        """Find an intent that an earlier create made, and that can still be paid or was paid."""
        found = await self._gateway.find_intent(request.purchase_id)
        usable = found is not None and found.status != "canceled" and _is_requested(found, request)
        return found if usable else None

    async def _requested(self, purchase: PurchaseRef) -> str:
        """Return the intent to capture; refuse while the seats are not confirmed."""

        def look(uow: UnitOfWork) -> str:
            order = uow.get(Order, purchase.purchase_id)
            if order.attempt == purchase.attempt and not (order.capture_requested or order.is_sold):
                raise EvidenceMissing("the seats are not confirmed, so no capture was requested", state=order.state)
            return uow.get(Payment, own_money(purchase).payment_id).intent_id

        streams = (Order.stream(purchase.purchase_id), Payment.stream(own_money(purchase).payment_id))
        return await self._store.read(look, streams)

    async def _intent_id(self, purchase: PurchaseRef) -> str:
        payment_id = own_money(purchase).payment_id
        return await self._store.read(lambda uow: uow.get(Payment, payment_id).intent_id, (Payment.stream(payment_id),))


def seen_of(state: IntentState) -> PaymentStatus:
    """Return a payment's status; one refunded in part before the sale counts as refunded: nothing is sold for it."""
    is_refunded = state.refunded_minor > 0
    return PaymentStatus(
        intent_id=state.intent_id, status="refunded" if is_refunded else state.status, declined=state.decline_code
    )


def _request(uow: UnitOfWork, purchase: PurchaseRef) -> IntentRequest:
    order = uow.get(Order, purchase.purchase_id)
    if order.price is None:
        raise PaymentRefused("the purchase has no placed order to pay", reason="no-order")
    show = uow.get(Show, order.show_id)
    return IntentRequest(
        tenant_id=purchase.tenant_id,
        purchase_id=purchase.purchase_id,
        amount_minor=order.price.charge_minor,
        currency=order.price.currency,
        capture_method=show.capture_method,
        payment_methods=show.payment_methods,
        description=show.name,
    )


def _payment(uow: UnitOfWork, purchase: PurchaseRef, state: IntentState) -> None:
    if uow.find(Payment, own_money(purchase).payment_id) is None:
        begin_payment(uow, IntentCreated, own_money(purchase), state, _request(uow, purchase).capture_method)


def _paid(state: IntentState, price: Price | None) -> PaymentStatus:
    """Return a payment's status; refuse one whose amount or currency was changed at Stripe."""
    seen = seen_of(state)
    if price is not None and seen.status in PAID:
        paid = (state.received_minor if seen.status == "succeeded" else state.amount_minor, state.currency)
        if paid != (price.charge_minor, price.currency):
            raise PaymentRefused("the paid amount differs from the price", reason="wrong-amount")
    return seen


def _is_requested(found: IntentState, request: IntentRequest) -> bool:
    """Return whether a found intent may be the requested one."""
    return (found.amount_minor, found.currency) == (request.amount_minor, request.currency)


def _check_open(uow: UnitOfWork, purchase: PurchaseRef) -> None:
    """Refuse an ended purchase, or one that was given up, before an intent is created for it."""
    order = uow.get(Order, purchase.purchase_id)
    if order.attempt != purchase.attempt or order.is_unsold:
        raise PurchaseCancelled("the purchase has ended", reason=order.end_reason)
    if order.given_up and not order.capture_requested:
        raise PurchaseCancelled("an operator gave the purchase up", reason=OPERATOR_CANCELLED)


def _check_not_refused(uow: UnitOfWork, purchase: PurchaseRef) -> None:
    """Refuse again what Stripe has refused."""
    order = uow.get(Order, purchase.purchase_id)
    if order.attempt == purchase.attempt and order.payment_refusal is not None:
        raise _refused(order.payment_refusal)


def _refuse_payment(uow: UnitOfWork, purchase: PurchaseRef, reason: str) -> None:
    order = uow.get(Order, purchase.purchase_id)
    if order.attempt == purchase.attempt:
        order.refuse_payment(reason, uow.at)


def _refused(reason: str) -> PaymentRefused:
    return PaymentRefused(f"Stripe refused the payment: {reason}", reason=reason)


def _not_captured(status: str) -> PaymentRefused:
    return PaymentRefused("the authorised money could not be captured", reason=status)


def _open(uow: UnitOfWork, purchase: PurchaseRef, state: IntentState) -> tuple[datetime | None, bool]:
    """Record the intent and open the checkout.

    Return the hold's end, or None for an order that has ended; and whether its capture was requested before.
    """
    _payment(uow, purchase, state)
    order = uow.get(Order, purchase.purchase_id)
    hold_until = order.open_checkout(uow.at) if order.attempt == purchase.attempt else None
    return hold_until, order.capture_requested
