"""Stripe Connect over Stripe's library: venues' accounts, transfers and their reversals, and payouts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import stripe

from adapters.stripe.client import StripeClient, is_replay
from adapters.stripe.errors import KEY_REUSED, StripeRequestError
from domain.core.errors import PaymentRefused
from domain.payouts.connected_account import ACCOUNT_GONE, AccountRequest, AccountState, PayoutStatus, TransferOrder

LISTED_MAX = 100
ACTIVE = "active"
ACCOUNT_INVALID = "account_invalid"
GONE = frozenset({ACCOUNT_INVALID, "resource_missing"})


class StripeConnect:
    """Accounts, transfers and payouts. Stripe sends a venue back to `public_url`.

    Each write has its key in the metadata too, so that a write whose answer was a stored 5xx is found again.
    """

    def __init__(self, client: StripeClient, public_url: str) -> None:
        self._read, self._write_once = client.read, partial(client.write, looks_first=True)
        self._client, self._api = client, client.api
        self._public_url = public_url

    async def create_account(self, request: AccountRequest, key: str) -> AccountState:
        """Create the account of a venue, or return the one that this key made, as it is now.

        We pay Stripe's fees and bear losses; Stripe collects what it must know, and gives the venue an Express
        dashboard. Under the full agreement `transfers` needs `card_payments`; a recipient takes transfers alone.
        """
        is_full = request.agreement == "full"
        params: Any = {
            "controller": {
                "stripe_dashboard": {"type": "express"},
                "fees": {"payer": "application"},
                "losses": {"payments": "application"},
                "requirement_collection": "stripe",
            },
            **({"country": request.country} if request.country else {}),
            "business_profile": {"name": request.name},
            "capabilities": {
                "transfers": {"requested": True},
                **({"card_payments": {"requested": True}} if is_full else {}),
            },
            **({} if is_full else {"tos_acceptance": {"service_agreement": "recipient"}}),
            "metadata": self._client.labelled(venue_id=request.venue_id, key=key),
        }

        async def create(attempt_key: str) -> stripe.Account:
            return await self._api.accounts.create_async(params, {"idempotency_key": attempt_key})

        try:
            made = await self._write_once(create, key, lambda: self._account_made(key))
        except StripeRequestError as error:
            if error.reason != KEY_REUSED:
                raise
            # An earlier release asked for it otherwise; the key in the metadata finds what it made.
            found = await self._account_made(key)
            made = (
                found
                if found is not None
                else await self._write_once(create, f"{key}:controller", lambda: self._account_made(key))
            )
        return await self.retrieve_account(made.id) if is_replay(made) else _account_state(made)

    async def retrieve_account(self, account_id: str) -> AccountState:
        """Read an account; one that Stripe no longer knows, or no longer lets us into, is gone."""
        try:
            return _account_state(await self._read(self._api.accounts.retrieve_async(account_id)))
        except StripeRequestError as error:
            if error.reason not in GONE:
                raise
            return AccountState(account_id=account_id, may_receive=False, may_pay_out=False, asked_for=0, is_gone=True)

    async def onboarding_link(self, account_id: str) -> str:
        """Return a fresh link to the venue's onboarding at Stripe; it can be used once, for minutes."""
        made = await self._read(
            self._api.account_links.create_async({
                "account": account_id,
                "type": "account_onboarding",
                "refresh_url": self._public_url,
                "return_url": self._public_url,
            })
        )  # fmt: skip
        return made.url

    async def transfer(self, order: TransferOrder, key: str) -> str:
        """Transfer a share of its charge to the venue's account; return the transfer's id, made now or before."""

        async def make(attempt_key: str) -> stripe.Transfer:
            return await self._api.transfers.create_async(
                {
                    "amount": order.amount_minor,
                    "currency": order.currency.lower(),
                    "destination": order.account_id,
                    "source_transaction": order.charge_id,
                    "transfer_group": order.purchase_id,
                    "metadata": self._client.labelled(purchase_id=order.purchase_id, key=key),
                },
                {"idempotency_key": attempt_key},
            )

        async def made_before() -> stripe.Transfer | None:
            params: Any = {"transfer_group": order.purchase_id, "limit": LISTED_MAX}
            listed = await self._read(self._api.transfers.list_async(params))
            found: stripe.Transfer | None = self._client.with_key(listed.data, key)
            return found

        async with self._refusing_if_gone(order.account_id):
            return (await self._write_once(make, key, made_before)).id

    async def reverse_transfer(self, transfer_id: str, amount_minor: int, key: str) -> str:
        """Reverse a part of a transfer, made now or before; return its id. Refused if the account is gone."""

        async def reverse(attempt_key: str) -> Any:
            params: Any = {"amount": amount_minor, "metadata": self._client.labelled(key=key)}
            return await self._api.transfers.reversals.create_async(
                transfer_id, params, {"idempotency_key": attempt_key}
            )

        async def made_before() -> Any:
            listed = await self._read(self._api.transfers.reversals.list_async(transfer_id, {"limit": LISTED_MAX}))
            return self._client.with_key(listed.data, key)

        try:
            return str((await self._write_once(reverse, key, made_before)).id)
        except StripeRequestError as error:
            if error.reason != ACCOUNT_INVALID:
                raise
            raise PaymentRefused("the account of the transfer is gone", reason=ACCOUNT_GONE) from error

    async def retrieve_payout(self, account_id: str, payout_id: str) -> PayoutStatus:
        """Read a payout of a connected account."""
        async with self._refusing_if_gone(account_id):
            payout = await self._read(self._api.payouts.retrieve_async(payout_id, {}, {"stripe_account": account_id}))
        return PayoutStatus.model_validate({
            "payout_id": payout.id,
            "status": payout.status,
            "amount_minor": payout.amount,
            "currency": payout.currency,
            "failure": payout.failure_code,
            "original": _id_of(payout.original_payout),
            "reversed_by": _id_of(payout.reversed_by),
        })  # fmt: skip

    @asynccontextmanager
    async def _refusing_if_gone(self, account_id: str) -> AsyncIterator[None]:
        """Turn an error of an account that is gone into a refusal: the account is read, since errors do not say."""
        try:
            yield
        except StripeRequestError as error:
            if error.reason not in GONE or not (await self.retrieve_account(account_id)).is_gone:
                raise
            raise PaymentRefused(f"the account {account_id} is gone", reason=ACCOUNT_GONE) from error

    async def _account_made(self, key: str) -> stripe.Account | None:
        listed = await self._read(self._api.accounts.list_async({"limit": LISTED_MAX}))
        found: stripe.Account | None = self._client.with_key(listed.data, key)
        return found


def _id_of(reference: Any) -> str | None:
    return None if reference is None else str(getattr(reference, "id", reference))


def _account_state(account: stripe.Account) -> AccountState:
    due = account.requirements.currently_due if account.requirements is not None else None
    return AccountState(
        account_id=account.id,
        may_receive=account.capabilities is not None and account.capabilities.transfers == ACTIVE,
        may_pay_out=bool(account.payouts_enabled),
        asked_for=len(due or ()),
        settlement_currencies=_settled(account),
    )


def _settled(account: stripe.Account) -> tuple[str, ...]:
    """Return the currencies of an account's bank accounts, its default first; none before the venue has named one."""
    banks = account.external_accounts.data if account.external_accounts is not None else []
    others = sorted({str(bank.currency) for bank in banks if bank.currency} - {account.default_currency})
    return (str(account.default_currency), *others) if banks else ()
