"""Payments over Stripe's library: with the caller's idempotency keys, and states as Stripe has them."""

from collections.abc import Awaitable, Callable
from typing import Any

import stripe

from adapters.stripe.client import StripeClient, is_replay
from adapters.stripe.errors import ALREADY_REFUNDED, KEY_REUSED, UNEXPECTED_STATE, StripeRequestError
from adapters.stripe.mapping import (
    EXPAND,
    NEAREST_FIRST,
    dispute_said,
    intent_state,
    quoted,
    refund_state,
)
from domain.core.errors import PaymentRefused
from domain.payments.dispute import DisputeStatus
from domain.payments.payment_intent import IntentRequest, IntentState, StripeRefund

REFUNDS_MAX = 100
ENDED = frozenset({"succeeded", "canceled"})


class StripePayments:
    """Payments, refunds and disputes. A repeat under the next key is safe: two effects cannot both move money."""

    def __init__(self, client: StripeClient, statement_suffix: str = "") -> None:
        self._statement_suffix = statement_suffix  # after the account's prefix, on a card's statement
        self._read, self._write = client.read, client.write
        self._client, self._api = client, client.api

    async def create_intent(self, request: IntentRequest, key: str) -> IntentState:
        """Create the intent, or return the one that this key made, as it is now."""
        params = self._params(request)

        async def create(attempt_key: str) -> stripe.PaymentIntent:
            return await self._api.payment_intents.create_async(params, {"idempotency_key": attempt_key})

        async def made_before() -> stripe.PaymentIntent | None:
            # The search may lag behind: but an intent whose client secret was never given out cannot be paid.
            found = await self.find_intent(request.purchase_id)
            return None if found is None else await self._intent(found.intent_id)

        try:
            made = await self._write(create, key, made_before)
        except StripeRequestError as error:
            if error.reason != KEY_REUSED:
                raise
            # The same payment, described otherwise: by an earlier release, or to a buyer who has been erased since.
            found = await made_before()
            if found is not None and (found.amount, found.currency) != (request.amount_minor, request.currency):
                raise
            made = found if found is not None else await self._write(create, f"{key}:described-anew", made_before)
        return await self._current(made)

    def _params(self, request: IntentRequest) -> Any:
        described = {
            "description": request.description,
            "statement_descriptor_suffix": self._statement_suffix,
            "receipt_email": request.receipt_email,
        }
        return {
            "amount": request.amount_minor,
            "currency": request.currency.lower(),
            "capture_method": request.capture_method,
            **_methods(request),
            **{name: value for name, value in described.items() if value},
            "metadata": self._client.labelled(tenant_id=request.tenant_id, purchase_id=request.purchase_id),
            "transfer_group": request.purchase_id,
            "expand": EXPAND,
        }

    async def find_intent(self, purchase_id: str) -> IntentState | None:
        """Find an intent by metadata, of several the one nearest to paid; the search lags by up to a minute."""
        query = f"metadata['purchase_id']:{quoted(purchase_id)}"
        found = await self._read(
            self._api.payment_intents.search_async({"query": query, "expand": [f"data.{path}" for path in EXPAND]})
        )
        states = map(intent_state, self._client.own(found.data))
        return min(states, key=lambda state: NEAREST_FIRST.index(state.status), default=None)

    async def retrieve_intent(self, intent_id: str) -> IntentState:
        """Read an intent."""
        return intent_state(await self._intent(intent_id))

    async def _intent(self, intent_id: str) -> stripe.PaymentIntent:
        return await self._read(self._api.payment_intents.retrieve_async(intent_id, {"expand": EXPAND}))

    async def capture_intent(self, intent_id: str, key: str) -> IntentState:
        """Capture the whole authorised amount; return the resulting state, whatever it is."""

        async def capture(attempt_key: str) -> stripe.PaymentIntent:
            options: stripe.RequestOptions = {"idempotency_key": attempt_key}
            return await self._api.payment_intents.capture_async(intent_id, {"expand": EXPAND}, options)

        return await self._advanced(intent_id, capture, key)

    async def cancel_intent(self, intent_id: str, key: str) -> IntentState:
        """Cancel if that is still possible; return the resulting state, whatever it is."""

        async def cancel(attempt_key: str) -> stripe.PaymentIntent:
            options: stripe.RequestOptions = {"idempotency_key": attempt_key}
            return await self._api.payment_intents.cancel_async(intent_id, {"expand": EXPAND}, options)

        return await self._advanced(intent_id, cancel, key)

    async def refund_intent(self, intent_id: str, amount_minor: int, key: str) -> StripeRefund:
        """Refund a captured amount; return the earlier refund when it was refunded already."""

        async def refund(attempt_key: str) -> stripe.Refund:
            return await self._api.refunds.create_async(
                {
                    "payment_intent": intent_id,
                    "amount": amount_minor,
                    "metadata": self._client.labelled(refund_key=key),
                },
                {"idempotency_key": attempt_key},
            )

        found: stripe.Refund | None = None
        try:
            found = await self._write(refund, key, lambda: self._refund_made(intent_id, key), looks_first=True)
        except PaymentRefused as refusal:
            if refusal.data.get("reason") == ALREADY_REFUNDED:
                found = await self._refund_made(intent_id, key, amount_minor)
            if found is None:
                raise
        if is_replay(found):
            found = await self._read(self._api.refunds.retrieve_async(found.id))
        return refund_state(found, intent_id)

    async def retrieve_refund(self, refund_id: str) -> StripeRefund:
        """Read a refund."""
        found = await self._read(self._api.refunds.retrieve_async(refund_id))
        return refund_state(found, str(found.payment_intent or ""))

    async def refunds_of(self, intent_id: str) -> list[StripeRefund]:
        """List the refunds of an intent, newest first, a hundred at most."""
        listed = await self._refunds(intent_id)
        return [refund_state(refund, intent_id) for refund in listed.data]

    async def _refunds(self, intent_id: str) -> stripe.ListObject[stripe.Refund]:
        return await self._read(self._api.refunds.list_async({"payment_intent": intent_id, "limit": REFUNDS_MAX}))

    async def retrieve_dispute(self, dispute_id: str) -> DisputeStatus:
        """Read a dispute."""
        return dispute_said(await self._read(self._api.disputes.retrieve_async(dispute_id)))

    async def _refund_made(self, intent_id: str, key: str, amount_minor: int | None = None) -> stripe.Refund | None:
        """Find the refund made under this key, else (when an amount is given) a valid one of that amount."""
        listed = await self._refunds(intent_id)
        ours: stripe.Refund | None = self._client.with_key(listed.data, key, "refund_key")
        valid = [refund for refund in listed.data if refund.status not in {"failed", "canceled"}]
        alike = [refund for refund in valid if refund.amount == amount_minor]
        return ours or next(iter(alike), None)

    async def _advanced(
        self, intent_id: str, act: Callable[[str], Awaitable[stripe.PaymentIntent]], key: str
    ) -> IntentState:
        """Capture or cancel; return the present state when Stripe refuses the step because of it."""

        async def done_before() -> stripe.PaymentIntent | None:
            intent = await self._intent(intent_id)
            return intent if intent.status in ENDED else None

        try:
            intent = await self._write(act, key, done_before)
        except PaymentRefused as refusal:
            if refusal.data.get("reason") in UNEXPECTED_STATE:
                return await self.retrieve_intent(intent_id)
            raise
        return await self._current(intent)

    async def _current(self, intent: stripe.PaymentIntent) -> IntentState:
        """Return an answer's state; read it again when the answer was replayed and may be outdated."""
        return await self.retrieve_intent(intent.id) if is_replay(intent) else intent_state(intent)


def _methods(request: IntentRequest) -> dict[str, Any]:
    """Return the parameter for the methods of a payment: those that were named, or those of Stripe's dashboard."""
    if request.payment_methods:
        return {"allowed_payment_method_types": list(request.payment_methods)}
    return {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
