"""Read the account's payments and balances from Stripe's lists; payments of others have no purchase."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import stripe
from stripe import RequestOptions

from adapters.stripe.client import StripeClient
from adapters.stripe.errors import StripeRequestError
from adapters.stripe.mapping import DEPLOYMENT, id_of, intent_state, is_foreign, metadata_value
from domain.core.errors import PaymentRefused
from domain.invariants.outside import ConnectedBalance, StripeEntry, StripePayment
from domain.payments.own_movement import BOOKED, OwnMovement

CLOSED = {"succeeded", "canceled"}
CAPTURES = {"charge", "payment"}
REFUNDS = {"refund", "payment_refund", "refund_failure", "payment_failure_refund"}
MOVES = {"transfer", "transfer_refund", "transfer_cancel", "transfer_failure"}
UNDER_WAY = {"pending", "in_transit"}


class OwnAccount(NamedTuple):
    """Our account: its payments, its balance transactions that belong to none of them, and its whole balance."""

    payments: list[StripePayment]
    entries: list[StripeEntry]
    balance_minor: dict[str, int]


class _Sums(NamedTuple):
    """Sums of the balance transactions of one charge."""

    net: int = 0
    captured: int = 0
    refunded: int = 0
    disputed: int = 0
    fees: int = 0

    def with_entry(self, entry: Any) -> "_Sums":
        """Add a balance transaction; what is neither a capture, a refund nor a transfer is a dispute's."""
        other = entry.type not in CAPTURES | REFUNDS | MOVES
        return _Sums(
            self.net + entry.net,
            self.captured + (entry.amount if entry.type in CAPTURES else 0),
            self.refunded - (entry.amount if entry.type in REFUNDS else 0),
            self.disputed - (entry.amount if other else 0),
            self.fees + entry.fee,
        )


class StripeListing:
    """Reads the account's payments with their refunds, disputes and transfers, and balances."""

    def __init__(self, client: StripeClient) -> None:
        self._client = client

    async def own_account(self) -> OwnAccount:
        """Return every payment of the account, the other balance transactions, and the whole balance by currency."""
        if not self._client.has_key:
            raise StripeRequestError("no Stripe API key is set; set BOXOFFICE_STRIPE__API_KEY")
        api, list_all = self._client.api, self._client.list_all
        charge_of = {
            transfer.id: id_of(transfer.source_transaction)
            async for transfer in list_all(api.transfers.list_async, {"expand": ["data.reversals"]})
        }
        entries = [entry async for entry in list_all(api.balance_transactions.list_async, {"expand": ["data.source"]})]
        owner_of = {entry.id: _intent_of(entry.source) or _charge_of(entry.source, charge_of) for entry in entries}
        sums: dict[str, _Sums] = {}
        for entry in entries:
            sums[owner_of[entry.id]] = sums.get(owner_of[entry.id], _Sums()).with_entry(entry)
        intents = [
            intent async for intent in list_all(api.payment_intents.list_async, {"expand": ["data.latest_charge"]})
        ]
        names = {name for intent in intents for name in (intent.id, id_of(intent.latest_charge)) if name}
        payments = [self._said(intent, _of_both(sums, intent)) for intent in intents]
        others = [_entry(entry) for entry in entries if owner_of[entry.id] not in names]
        balance: Counter[str] = Counter()
        for entry in entries:
            balance[entry.currency] += entry.net
        return OwnAccount(payments, others, dict(balance))

    async def accounts(self, account_ids: Collection[str]) -> dict[str, ConnectedBalance]:
        """Return the balances of venues' accounts; one that Stripe no longer lets us read is left out."""
        found: dict[str, ConnectedBalance] = {}
        api, list_all = self._client.api, self._client.list_all
        for account_id in account_ids:
            balance, under_way = Counter[str](), Counter[str]()
            options: RequestOptions = {"stripe_account": account_id}
            try:
                async for entry in list_all(partial(api.balance_transactions.list_async, options=options), {}):
                    balance[entry.currency] += entry.net
                async for payout in list_all(partial(api.payouts.list_async, options=options), {}):
                    under_way[payout.currency] += payout.amount if payout.status in UNDER_WAY else 0
            except (StripeRequestError, PaymentRefused):
                continue
            found[account_id] = ConnectedBalance(dict(balance), dict(under_way))
        return found

    async def own_movements(self, since: datetime | None) -> list[OwnMovement]:
        """Return the payouts, top-ups and fees of our own account since a time, or ever, oldest first."""
        created = {} if since is None else {"created": {"gte": int(since.timestamp())}}
        found = [
            OwnMovement(
                entry_id=entry.id,
                kind=kind,
                currency=entry.currency,
                amount_minor=entry.amount,
                fee_minor=entry.fee,
                at=datetime.fromtimestamp(entry.created, UTC),
            )
            for kind in sorted(BOOKED)
            async for entry in self._client.list_all(
                self._client.api.balance_transactions.list_async, {"type": kind, **created}
            )
        ]
        return sorted(found, key=lambda movement: (movement.at, movement.entry_id))

    def _said(self, intent: stripe.PaymentIntent, sums: _Sums) -> StripePayment:
        state, deployment_id = intent_state(intent), self._client.deployment_id
        return StripePayment(
            intent_id=state.intent_id,
            purchase_id="" if is_foreign(intent.metadata, deployment_id) else state.purchase_id,
            currency=state.currency,
            captured_minor=sums.captured,
            refunded_minor=sums.refunded,
            net_minor=sums.net,
            is_open=state.status not in CLOSED,
            is_labelled=metadata_value(intent.metadata, DEPLOYMENT) == deployment_id,
            fees_minor=sums.fees,
            disputed_minor=sums.disputed,
        )


def _of_both(sums: Mapping[str, _Sums], intent: stripe.PaymentIntent) -> _Sums:
    """Add what names the payment and what names its charge."""
    named = sums.get(intent.id, _Sums()), sums.get(id_of(intent.latest_charge) or "none", _Sums())
    return _Sums(*(one + other for one, other in zip(*named, strict=True)))


def _entry(entry: Any) -> StripeEntry:
    return StripeEntry(entry.id, entry.type, entry.currency, entry.net, datetime.fromtimestamp(entry.created, UTC))


def _intent_of(source: Any) -> str:
    """Return the payment of a charge, a refund or a dispute; other sources have none."""
    return id_of(getattr(source, "payment_intent", None))


def _charge_of(source: Any, charge_of: Mapping[str, str]) -> str:
    """Return the charge that a transfer, or the transfer of a reversal, was made from."""
    return charge_of.get(id_of(getattr(source, "transfer", None)) or id_of(source), "")
