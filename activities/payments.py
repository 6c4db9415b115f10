"""The Stripe steps: create, look, capture, and make sure that we do not have the money."""

from datetime import datetime
from typing import Protocol

from temporalio import activity

from activities.books import post
from activities.commands import PaymentSeen, PurchaseRef
from activities.ports import Ledger, PaymentGateway
from domain.books import refund_postings
from domain.catalog import Show
from domain.desk import Desk
from domain.intent import IntentRequest, IntentState
from domain.order import Order
from domain.payment import IntentCreated, Payment
from domain.refusals import PaymentRefused, PurchaseCancelled, WrongState
from domain.weather import Weather


class Checkouts(Protocol):
    """Where a client secret waits for its buyer; it is no fact, and it is forgotten when the purchase ends."""

    async def keep(self, purchase_id: str, client_secret: str) -> None:
        """Keep or replace the secret."""

    async def forget(self, purchase_id: str) -> None:
        """Forget it; nothing to forget is success."""


class PaymentActivities:
    """One Stripe effect per method, then its fact. Keys are `{purchase_id}:{verb}:{attempt}`."""

    def __init__(self, ledger: Ledger, gateway: PaymentGateway, checkouts: Checkouts) -> None:
        self._ledger = ledger
        self._gateway = gateway
        self._checkouts = checkouts

    @activity.defn(name="create_intent")
    async def create_intent(self, purchase: PurchaseRef) -> PaymentSeen:
        """Create the PaymentIntent over the locked price and open the checkout; again returns what was made."""
        await self._ledger.read(lambda desk: _check_open(desk, purchase))
        state = await self._create(purchase)
        hold_until = (await self._ledger.commit(lambda desk: _open(desk, purchase, state))).value
        if hold_until is None:  # the intent is a fact all the same: it has to be cancelled
            raise PurchaseCancelled("the order ended before its checkout was open")
        await self._checkouts.keep(purchase.purchase_id, state.client_secret)
        return _seen(state).model_copy(update={"hold_until": hold_until})

    @activity.defn(name="look_at_intent")
    async def look_at_intent(self, purchase: PurchaseRef) -> PaymentSeen:
        """Ask Stripe how the payment stands, and record what is new."""
        state = await self._gateway.retrieve_intent(await self._intent_id(purchase))
        await self._record(purchase, state)
        return _seen(state)

    @activity.defn(name="capture_payment")
    async def capture_payment(self, purchase: PurchaseRef) -> PaymentSeen:
        """Take the money; returns only when the capture is known, refuses when it is known to be impossible."""
        intent_id = await self._intent_id(purchase)
        state = await self._gateway.capture_intent(intent_id, _key(purchase, "capture"))
        await self._record(purchase, state)
        seen = _seen(state)
        if seen.status != "succeeded":
            raise PaymentRefused("the authorised money could not be captured", reason=seen.status)
        return seen

    @activity.defn(name="cancel_payment")
    async def cancel_payment(self, purchase: PurchaseRef) -> PaymentSeen | None:
        """Make sure that we do not have the money: cancel, or refund what was captured.

        An intent whose creation is unknown is created again with the same key, and then cancelled; None means that
        no order was placed or that it has no charge, so that no intent can exist. Refuses a sold order: its money is
        given back by a refund.
        """
        order = await self._ledger.read(lambda desk: desk.get(Order, purchase.purchase_id))
        if order.is_sold:
            raise WrongState("a sold order's money is not let go", state=order.state)
        if order.price is None or order.price.charge_minor == 0:
            return None
        state = await self._create(purchase)
        await self._ledger.commit(lambda desk: _payment(desk, purchase, state))
        # Stripe keeps its no to a cancel under the key: what has changed since is asked for under another one.
        state = await self._gateway.cancel_intent(state.intent_id, _key(purchase, f"cancel-{state.status}"))
        if state.status == "succeeded":
            await self._refund(purchase, state)
        elif state.status == "canceled":
            await self._record(purchase, state)
        else:
            raise Weather(f"the intent is {state.status}: it can neither be cancelled nor refunded yet")
        await self._checkouts.forget(purchase.purchase_id)
        return _seen(state)

    @activity.defn(name="resolve_late_payment")
    async def resolve_late_payment(self, purchase: PurchaseRef) -> str:
        """Give back money that came after a purchase ended without a sale; a sold one keeps it. Returns the state."""
        order = await self._ledger.read(lambda desk: desk.get(Order, purchase.purchase_id))
        if order.is_sold:
            return "sold"
        if order.state not in {"cancelled", "refused"}:
            raise Weather("the purchase has not ended yet")
        seen = await self.cancel_payment(purchase)
        return "no payment" if seen is None else seen.status

    @activity.defn(name="close_checkout")
    async def close_checkout(self, purchase: PurchaseRef) -> None:
        """Forget the client secret of a purchase that is paid."""
        await self._checkouts.forget(purchase.purchase_id)

    async def _create(self, purchase: PurchaseRef) -> IntentState:
        known = await self._ledger.read(lambda desk: desk.find(Payment, _payment_name(purchase)))
        if known is not None:
            return await self._gateway.retrieve_intent(known.intent_id)
        request = await self._ledger.read(lambda desk: _request(desk, purchase))
        found = await self._gateway.find_intent(purchase.purchase_id) if activity.info().attempt > 1 else None
        if found is not None and found.status != "canceled":
            return found
        return await self._gateway.create_intent(request, _key(purchase, "intent"))

    async def _refund(self, purchase: PurchaseRef, state: IntentState) -> None:
        await self._record(purchase, state)
        refund = await self._gateway.refund_intent(state.intent_id, state.received_minor, _key(purchase, "refund"))
        if refund.status in {"failed", "canceled"}:
            raise PaymentRefused("the refund failed", reason=refund.status)
        if refund.status != "succeeded":
            raise Weather(f"the refund is {refund.status}")

        def decide(desk: Desk) -> None:
            payment = desk.get(Payment, _payment_name(purchase))
            payment.refund(refund.refund_id, refund.amount_minor, desk.at)
            postings = refund_postings(payment.currency, payment.stripe_fee_minor)
            if postings:  # Stripe keeps its fee
                post(desk, purchase, _key(purchase, "refund"), "refund", postings)

        await self._ledger.commit(decide)

    async def _intent_id(self, purchase: PurchaseRef) -> str:
        return await self._ledger.read(lambda desk: desk.get(Payment, _payment_name(purchase)).intent_id)

    async def _record(self, purchase: PurchaseRef, state: IntentState) -> None:
        if state.status == "succeeded" and state.stripe_fee_minor is None:
            raise Weather("Stripe has taken the money and not told its fee yet")  # the books need the real one
        await self._ledger.commit(lambda desk: _note(desk.get(Payment, _payment_name(purchase)), state, desk))


def _payment_name(purchase: PurchaseRef) -> str:
    return f"{purchase.purchase_id}:{purchase.attempt}"


def _key(purchase: PurchaseRef, verb: str) -> str:
    return f"{purchase.purchase_id}:{verb}:{purchase.attempt}"


def _seen(state: IntentState) -> PaymentSeen:
    gone = 0 < state.received_minor <= state.refunded_minor
    return PaymentSeen(
        intent_id=state.intent_id, status="refunded" if gone else state.status, declined=state.decline_code
    )


def _request(desk: Desk, purchase: PurchaseRef) -> IntentRequest:
    order = desk.get(Order, purchase.purchase_id)
    if order.price is None:
        raise PaymentRefused("there is no placed order to pay", reason="no-order")
    return IntentRequest(
        tenant_id=purchase.tenant_id,
        purchase_id=purchase.purchase_id,
        amount_minor=order.price.charge_minor,
        currency=order.price.currency,
        capture_method=desk.get(Show, order.show_id).capture_method,
    )


def _payment(desk: Desk, purchase: PurchaseRef, state: IntentState) -> None:
    if desk.find(Payment, _payment_name(purchase)) is None:
        request = _request(desk, purchase)
        desk.add(
            Payment.begin(
                IntentCreated,
                _payment_name(purchase),
                desk.at,
                tenant_id=purchase.tenant_id,
                purchase_id=purchase.purchase_id,
                intent_id=state.intent_id,
                amount_minor=state.amount_minor,
                currency=state.currency,
                capture_method=request.capture_method,
            )
        )


def _check_open(desk: Desk, purchase: PurchaseRef) -> None:
    """Refuse before Stripe is asked what would be refused after."""
    order = desk.get(Order, purchase.purchase_id)
    if order.attempt != purchase.attempt or order.state in {"cancelled", "refused"}:
        raise PurchaseCancelled("the purchase has ended", reason=order.end_reason)


def _open(desk: Desk, purchase: PurchaseRef, state: IntentState) -> datetime | None:
    """Record the intent and open the checkout; returns the hold's end, or None for an order that has ended."""
    _payment(desk, purchase, state)
    order = desk.get(Order, purchase.purchase_id)
    return order.open_checkout(desk.at) if order.attempt == purchase.attempt else None


def _note(payment: Payment, state: IntentState, desk: Desk) -> None:
    """Apply what Stripe says, monotonically."""
    if state.status == "requires_capture":
        payment.authorise(desk.at)
    elif state.status == "canceled":
        payment.cancel(desk.at)
    elif state.status == "succeeded" and state.charge_id is not None and state.stripe_fee_minor is not None:
        payment.capture(state.charge_id, state.received_minor, state.stripe_fee_minor, desk.at)
    elif state.decline_code is not None:
        payment.decline(state.decline_code, desk.at)
