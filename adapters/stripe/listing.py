"""Everything that Stripe has of our payments, by its lists: nothing is asked for one by one."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import stripe

from adapters.stripe.client import StripeConnection, listed
from adapters.stripe.errors import GatewayAlarm
from adapters.stripe.mapping import intent_state
from domain.invariants.cross_system import StripePayment

TIMEOUT_SECONDS = 20.0
CLOSED = {"succeeded", "canceled"}


class StripeListing(StripeConnection):
    """Reads the account's payments and what came of them; errors are the gateway's. A key is needed: GatewayAlarm."""

    def __init__(self, secret_key: str, *, base_url: str | None = None) -> None:
        if not secret_key:
            raise GatewayAlarm("there is no key for Stripe")
        super().__init__(secret_key, base_url=base_url, timeout_seconds=TIMEOUT_SECONDS)

    async def payments(self) -> list[StripePayment]:
        """Return every payment of the account with the sum of its balance transactions, all in one currency."""
        charge_of = {
            transfer.id: str(transfer.source_transaction or "")
            async for transfer in listed(self._api.transfers.list_async, {"expand": ["data.reversals"]})
        }
        nets: Counter[str] = Counter()
        async for entry in listed(self._api.balance_transactions.list_async, {"expand": ["data.source"]}):
            nets[_intent_of(entry.source) or _charge_of(entry.source, charge_of)] += entry.net
        return [
            _said(intent, nets[intent.id] + nets[_id_of(intent.latest_charge) or "none"])
            async for intent in listed(self._api.payment_intents.list_async, {"expand": ["data.latest_charge"]})
        ]


def _said(intent: stripe.PaymentIntent, net_minor: int) -> StripePayment:
    state = intent_state(intent)
    return StripePayment(
        intent_id=state.intent_id,
        purchase_id=state.purchase_id,
        currency=state.currency,
        captured_minor=state.received_minor,
        refunded_minor=state.refunded_minor,
        net_minor=net_minor,
        is_open=state.status not in CLOSED,
    )


def _intent_of(source: Any) -> str:
    """Return the payment that a charge, a refund or a dispute is of; other sources have none."""
    return _id_of(getattr(source, "payment_intent", None))


def _charge_of(source: Any, charge_of: Mapping[str, str]) -> str:
    """Return the charge out of which a transfer was made, or of whose transfer a reversal is."""
    return charge_of.get(_id_of(getattr(source, "transfer", None)) or _id_of(source), "")


def _id_of(reference: Any) -> str:
    return str(getattr(reference, "id", reference) or "")
