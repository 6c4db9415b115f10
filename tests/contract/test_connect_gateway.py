"""Contract of the Connect gateway, for the fake and the real adapter on the Stripe emulator."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from adapters.stripe.client import StripeClient
from adapters.stripe.connect import StripeConnect
from adapters.stripe.errors import StripeRequestError
from domain.core.errors import PaymentRefused
from domain.core.transient import TransientError
from domain.payouts.connected_account import ACCOUNT_GONE, AccountRequest, PayoutStatus, TransferOrder
from tests.devstack.stripe.emulator import SECRET, Emulator, paid
from tests.fakes.connect import FakeConnect
from tests.fakes.identity import DEPLOYMENT


class Subject(NamedTuple):
    """A gateway, with failure switches and acts at Stripe."""

    mark: str
    gateway: Any
    emulator: Emulator | None
    api: Any

    async def account(self) -> str:
        made = await self.gateway.create_account(self.wanted(), f"{self.mark}:account")
        return str(made.account_id)

    def wanted(self, **values: Any) -> AccountRequest:
        return AccountRequest(venue_id=f"ve_{self.mark}", name="Hall", **values)

    async def order(self) -> TransferOrder:
        return TransferOrder(
            purchase_id=f"pu_{self.mark}",
            account_id=await self.account(),
            charge_id=await self.charge(),
            amount_minor=9000,
            currency="usd",
        )

    async def charge(self) -> str:
        if self.emulator is None:
            return "ch_1"
        intent = await paid(self.api, 10_000, transfer_group=f"pu_{self.mark}")
        return str(intent.latest_charge)

    async def lose_answer(self, verb: Any, path: str) -> None:
        if self.emulator is None:
            self.gateway.fail_after(verb)
        else:
            self.emulator.fault("drop_after", method="POST", path=path)

    async def reverse_payout(self, account_id: str, payout_id: str, outcome: str) -> str:
        """Reverse a payout, and let the reversal end."""
        if self.emulator is None:
            back = {"amount_minor": -9000, "currency": "usd", "original": payout_id}
            status = {"succeed": "paid", "fail": "failed", "cancel": "canceled"}[outcome]
            self.gateway.payouts["po_2"] = PayoutStatus.model_validate({"payout_id": "po_2", "status": status, **back})
            paid_out = self.gateway.payouts[payout_id]
            self.gateway.payouts[payout_id] = paid_out.model_copy(update={"reversed_by": "po_2"})
            return "po_2"
        back = await self.api.payouts.reverse_async(payout_id, {}, {"stripe_account": account_id})
        self.emulator.switch(f"payouts/{back.id}/finish", outcome=outcome)
        return str(back.id)

    async def access(self, account_id: str, state: str) -> None:
        """Let an account vanish or forbid our key."""
        if self.emulator is not None:
            self.emulator.switch(f"accounts/{account_id}/access", state=state)
        else:
            {"vanished": self.gateway.vanish, "forbidden": self.gateway.forbid, "granted": self.gateway.permit}[state](
                account_id
            )

    async def pay_out(self, account_id: str, outcome: str) -> str:
        if self.emulator is None:
            status = "paid" if outcome == "succeed" else "failed"
            seen = PayoutStatus.model_validate(
                {"payout_id": "po_1", "status": status, "amount_minor": 9000, "currency": "usd"}
            )
            self.gateway.payouts["po_1"] = seen
            self.gateway.balances[account_id] = 0
            return "po_1"
        self.emulator.switch(f"accounts/{account_id}/settle")
        self.emulator.switch(f"accounts/{account_id}/pay_out")
        listed = await self.api.payouts.list_async({}, {"stripe_account": account_id})
        payout_id = str(listed.data[0].id)
        self.emulator.switch(f"payouts/{payout_id}/finish", outcome=outcome)
        return payout_id


@pytest.fixture(params=["fake", "real"])
async def subject(request: pytest.FixtureRequest, emulator: Emulator, api: Any) -> AsyncIterator[Subject]:
    mark = uuid4().hex[:8]
    if request.param == "fake":
        yield Subject(mark, FakeConnect(), None, None)
        return
    client = StripeClient(SECRET, DEPLOYMENT, base_url=emulator.url)
    yield Subject(mark, StripeConnect(client, "http://127.0.0.1/venues"), emulator, api)
    await client.close()


async def test_an_account_is_made_once(subject: Subject) -> None:
    """The same key returns the same account, also after a lost answer."""
    await subject.lose_answer("create_account", "/v1/accounts")
    with pytest.raises(TransientError):
        await subject.account()
    account_id = await subject.account()
    assert await subject.account() == account_id
    seen = await subject.gateway.retrieve_account(account_id)
    assert (seen.may_receive, seen.may_pay_out, seen.asked_for) == (True, True, 0)
    links = [await subject.gateway.onboarding_link(account_id) for _ in range(2)]
    assert all(link.startswith("https://connect.stripe.com/") for link in links)
    assert len(set(links)) == 2


async def test_an_account_is_asked_for_as_stripe_wants_it(emulator: Emulator, api: Any) -> None:
    """A full account gets card payments with transfers; a recipient abroad takes transfers alone."""
    client = StripeClient(SECRET, DEPLOYMENT, base_url=emulator.url)
    subject = Subject(uuid4().hex[:8], StripeConnect(client, "http://127.0.0.1"), emulator, api)
    for number, (terms, capabilities) in enumerate(
        [
            ({"country": "DE"}, {"card_payments": "active", "transfers": "active"}),
            ({"country": "BR", "agreement": "recipient"}, {"transfers": "active"}),
        ]
    ):
        made = await subject.gateway.create_account(subject.wanted(**terms), f"{subject.mark}:{number}")
        account = await api.accounts.retrieve_async(made.account_id)
        assert (account.country, account.capabilities.to_dict()) == (terms["country"], capabilities)
        assert account.controller.losses.payments == account.controller.fees.payer == "application"
        assert (account.controller.stripe_dashboard.type, account.controller.requirement_collection) == (
            "express",
            "stripe",
        )
    await client.close()


async def test_an_account_that_an_earlier_release_asked_for_is_found(emulator: Emulator, api: Any) -> None:
    """The key was used with another body: the account is found by its metadata, and no second one is made."""
    client = StripeClient(SECRET, DEPLOYMENT, base_url=emulator.url)
    subject = Subject(uuid4().hex[:8], StripeConnect(client, "http://127.0.0.1"), emulator, api)
    first = await subject.gateway.create_account(subject.wanted(), f"{subject.mark}:account")
    again = await subject.gateway.create_account(subject.wanted(country="DE"), f"{subject.mark}:account")
    assert again.account_id == first.account_id
    await client.close()


async def test_the_currencies_in_which_an_account_settles_are_known(subject: Subject) -> None:
    """Those of its bank accounts."""
    seen = await subject.gateway.retrieve_account(await subject.account())
    assert set(seen.settlement_currencies) == {"usd", "eur"}


async def test_a_share_is_sent_once(subject: Subject) -> None:
    """The same key is the same transfer, also after a lost answer."""
    order = await subject.order()
    await subject.lose_answer("transfer", "/v1/transfers")
    with pytest.raises(TransientError):
        await subject.gateway.transfer(order, f"{subject.mark}:1")
    first = await subject.gateway.transfer(order, f"{subject.mark}:1")
    assert await subject.gateway.transfer(order, f"{subject.mark}:1") == first


async def test_a_part_is_reversed_once_and_within_the_balance(subject: Subject) -> None:
    """The same key is the same reversal; an amount already paid out is refused."""
    order = await subject.order()
    transfer_id = await subject.gateway.transfer(order, f"{subject.mark}:1")
    back = await subject.gateway.reverse_transfer(transfer_id, 2000, f"{subject.mark}:r1")
    assert await subject.gateway.reverse_transfer(transfer_id, 2000, f"{subject.mark}:r1") == back
    await subject.pay_out(order.account_id, "succeed")
    with pytest.raises(PaymentRefused) as refused:
        await subject.gateway.reverse_transfer(transfer_id, 1000, f"{subject.mark}:r2")
    assert refused.value.data["reason"] == "balance_insufficient"


@pytest.mark.parametrize(("outcome", "status"), [("succeed", "paid"), ("fail", "failed")])
async def test_a_payout_is_followed(subject: Subject, outcome: str, status: str) -> None:
    """Its amount and its status can be read."""
    order = await subject.order()
    await subject.gateway.transfer(order, f"{subject.mark}:1")
    payout_id = await subject.pay_out(order.account_id, outcome)
    seen = await subject.gateway.retrieve_payout(order.account_id, payout_id)
    assert (seen.status, seen.amount_minor, seen.currency) == (status, 9000, "usd")


@pytest.mark.parametrize(("outcome", "status"), [("succeed", "paid"), ("fail", "failed"), ("cancel", "canceled")])
async def test_a_reversal_of_a_payout_is_a_payout_of_a_negative_amount(
    subject: Subject, outcome: str, status: str
) -> None:
    """Either names the other."""
    order = await subject.order()
    await subject.gateway.transfer(order, f"{subject.mark}:1")
    payout_id = await subject.pay_out(order.account_id, "succeed")
    back_id = await subject.reverse_payout(order.account_id, payout_id, outcome)
    seen = await subject.gateway.retrieve_payout(order.account_id, payout_id)
    assert (seen.status, seen.amount_minor, seen.original, seen.reversed_by) == ("paid", 9000, None, back_id)
    back = await subject.gateway.retrieve_payout(order.account_id, back_id)
    assert (back.status, back.amount_minor, back.original, back.reversed_by) == (status, -9000, payout_id, None)


async def test_a_vanished_account_refuses_what_needs_it(subject: Subject) -> None:
    """Reading it says that it is gone; transfers, reversals and payouts are refused, and none is an unknown error."""
    order = await subject.order()
    transfer_id = await subject.gateway.transfer(order, f"{subject.mark}:1")
    await subject.access(order.account_id, "vanished")
    assert (await subject.gateway.retrieve_account(order.account_id)).is_gone
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: subject.gateway.transfer(order, f"{subject.mark}:2"),
        lambda: subject.gateway.reverse_transfer(transfer_id, 1, f"{subject.mark}:r"),
        lambda: subject.gateway.retrieve_payout(order.account_id, "po_1"),
    ]
    for call in calls:
        with pytest.raises(PaymentRefused) as refused:
            await call()
        assert refused.value.data["reason"] == ACCOUNT_GONE


async def test_a_forbidden_account_is_not_gone(subject: Subject) -> None:
    """A missing permission is our mistake: an alarm, and nothing is concluded from it."""
    order = await subject.order()
    await subject.access(order.account_id, "forbidden")
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: subject.gateway.retrieve_account(order.account_id),
        lambda: subject.gateway.retrieve_payout(order.account_id, "po_1"),
    ]
    for call in calls:
        with pytest.raises(StripeRequestError):
            await call()
    await subject.access(order.account_id, "granted")
    assert not (await subject.gateway.retrieve_account(order.account_id)).is_gone


async def test_a_server_error_that_sticks_to_its_key_costs_no_second_transfer(emulator: Emulator, api: Any) -> None:
    """Before each next key the gateway looks for a transfer made by the failed call."""
    client = StripeClient(SECRET, DEPLOYMENT, base_url=emulator.url)
    subject = Subject(uuid4().hex[:8], StripeConnect(client, "http://127.0.0.1"), emulator, api)
    order = await subject.order()
    emulator.fault("sticky:500", method="POST", path="/v1/transfers", count=3)
    for _ in ("the first key", "the second key"):
        with pytest.raises(TransientError) as caught:
            await subject.gateway.transfer(order, f"{subject.mark}:1")
        assert caught.value.unknown
    transfer_id = await subject.gateway.transfer(order, f"{subject.mark}:1")
    listed = await api.transfers.list_async({"transfer_group": order.purchase_id})
    assert [one.id for one in listed.data] == [transfer_id]
    await client.close()
