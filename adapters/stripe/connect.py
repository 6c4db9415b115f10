"""Stripe Connect over Stripe's library: venues' accounts, transfers and their reversals, payouts that we follow."""

from typing import Any

import stripe

from adapters.stripe.client import StripeConnection, is_replay, read, written
from adapters.stripe.mapping import noted
from domain.payouts.connected_account import AccountState, PayoutStatus, TransferOrder

LOOKED_AT_MAX = 100
ACTIVE = "active"


class StripeConnect(StripeConnection):
    """Accounts, transfers and payouts. `public_url` is where a venue comes back to.

    What a 5xx that stuck to its key may have done is looked for by our own mark in its metadata, and then done under
    the next key.
    """

    def __init__(self, secret_key: str, public_url: str, *, base_url: str | None = None) -> None:
        super().__init__(secret_key, base_url=base_url)
        self._public_url = public_url

    async def create_account(self, venue_id: str, name: str, key: str) -> AccountState:
        """Create the account of a venue, or return the one that this key made, as it is now."""

        async def create(turn_key: str) -> stripe.Account:
            return await self._api.accounts.create_async(
                {
                    "type": "express",
                    "business_profile": {"name": name},
                    "capabilities": {"transfers": {"requested": True}},
                    "metadata": {"venue_id": venue_id, "key": key},
                },
                {"idempotency_key": turn_key},
            )

        made = await written(create, key, lambda: self._account_made(key))
        return await self.retrieve_account(made.id) if is_replay(made) else _account_state(made)

    async def retrieve_account(self, account_id: str) -> AccountState:
        """Read an account."""
        return _account_state(await read(self._api.accounts.retrieve_async(account_id)))

    async def onboarding_link(self, account_id: str) -> str:
        """Return a fresh link under which the venue tells Stripe who it is; it can be used once, for minutes."""
        made = await read(
            self._api.account_links.create_async({
                "account": account_id,
                "type": "account_onboarding",
                "refresh_url": self._public_url,
                "return_url": self._public_url,
            })
        )  # fmt: skip
        return made.url

    async def transfer(self, order: TransferOrder, key: str) -> str:
        """Move a share out of its charge to the venue's account; returns the transfer's id, made now or before."""

        async def make(turn_key: str) -> stripe.Transfer:
            return await self._api.transfers.create_async(
                {
                    "amount": order.amount_minor,
                    "currency": order.currency.lower(),
                    "destination": order.account_id,
                    "source_transaction": order.charge_id,
                    "transfer_group": order.purchase_id,
                    "metadata": {"purchase_id": order.purchase_id, "key": key},
                },
                {"idempotency_key": turn_key},
            )

        async def made_before() -> stripe.Transfer | None:
            params: Any = {"transfer_group": order.purchase_id, "limit": LOOKED_AT_MAX}
            found: stripe.Transfer | None = _of_key(await read(self._api.transfers.list_async(params)), key)
            return found

        return (await written(make, key, made_before)).id

    async def reverse_transfer(self, transfer_id: str, amount_minor: int, key: str) -> str:
        """Take a part back; returns the reversal's id, made now or before."""

        async def reverse(turn_key: str) -> Any:
            params: Any = {"amount": amount_minor, "metadata": {"key": key}}
            return await self._api.transfers.reversals.create_async(transfer_id, params, {"idempotency_key": turn_key})

        async def made_before() -> Any:
            listed = await read(self._api.transfers.reversals.list_async(transfer_id, {"limit": LOOKED_AT_MAX}))
            return _of_key(listed, key)

        return str((await written(reverse, key, made_before)).id)

    async def retrieve_payout(self, account_id: str, payout_id: str) -> PayoutStatus:
        """Read a payout of a connected account."""
        payout = await read(self._api.payouts.retrieve_async(payout_id, {}, {"stripe_account": account_id}))
        return PayoutStatus.model_validate({
            "payout_id": payout.id,
            "status": payout.status,
            "amount_minor": payout.amount,
            "currency": payout.currency,
            "failure": payout.failure_code,
        })  # fmt: skip

    async def _account_made(self, key: str) -> stripe.Account | None:
        found: stripe.Account | None = _of_key(await read(self._api.accounts.list_async({"limit": LOOKED_AT_MAX})), key)
        return found


def _of_key(listed: Any, key: str) -> Any:
    return next((one for one in listed.data if noted(one.metadata, "key") == key), None)


def _account_state(account: stripe.Account) -> AccountState:
    wanted = account.requirements.currently_due if account.requirements is not None else None
    return AccountState(
        account_id=account.id,
        may_receive=account.capabilities is not None and account.capabilities.transfers == ACTIVE,
        may_pay_out=bool(account.payouts_enabled),
        asked_for=len(wanted or ()),
    )
