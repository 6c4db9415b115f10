"""Read all payments of the account from Stripe's lists, for `boxoffice reconcile`; those of others have no purchase."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import stripe

from adapters.stripe.client import StripeClient
from adapters.stripe.errors import StripeRequestError
from adapters.stripe.mapping import DEPLOYMENT, intent_state, is_foreign, metadata_value
from domain.invariants.cross_system import StripePayment

CLOSED = {"succeeded", "canceled"}


class StripeListing:
    """Reads the account's payments with their refunds, disputes and transfers."""

    def __init__(self, client: StripeClient) -> None:
        self._client = client

    async def payments(self) -> list[StripePayment]:
        """Return every payment of the account with the sum of its balance transactions, all in one currency."""
        if not self._client.has_key:
            raise StripeRequestError("no Stripe API key is set; set BOXOFFICE_STRIPE__API_KEY")
        api, list_all = self._client.api, self._client.list_all
        charge_of = {
            transfer.id: str(transfer.source_transaction or "")
            async for transfer in list_all(api.transfers.list_async, {"expand": ["data.reversals"]})
        }
        nets: Counter[str] = Counter()
        async for entry in list_all(api.balance_transactions.list_async, {"expand": ["data.source"]}):
            nets[_intent_of(entry.source) or _charge_of(entry.source, charge_of)] += entry.net
        return [
            self._said(intent, nets[intent.id] + nets[_id_of(intent.latest_charge) or "none"])
            async for intent in list_all(api.payment_intents.list_async, {"expand": ["data.latest_charge"]})
        ]

    def _said(self, intent: stripe.PaymentIntent, net_minor: int) -> StripePayment:
        state, deployment_id = intent_state(intent), self._client.deployment_id
        return StripePayment(
            intent_id=state.intent_id,
            purchase_id="" if is_foreign(intent.metadata, deployment_id) else state.purchase_id,
            currency=state.currency,
            captured_minor=state.received_minor,
            refunded_minor=state.refunded_minor,
            net_minor=net_minor,
            is_open=state.status not in CLOSED,
            is_labelled=metadata_value(intent.metadata, DEPLOYMENT) == deployment_id,
        )


def _intent_of(source: Any) -> str:
    """Return the payment of a charge, a refund or a dispute; other sources have none."""
    return _id_of(getattr(source, "payment_intent", None))


def _charge_of(source: Any, charge_of: Mapping[str, str]) -> str:
    """Return the charge that a transfer, or the transfer of a reversal, was made from."""
    return charge_of.get(_id_of(getattr(source, "transfer", None)) or _id_of(source), "")


def _id_of(reference: Any) -> str:
    return str(getattr(reference, "id", reference) or "")
