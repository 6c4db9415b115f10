"""After any sequence of calls and switches the emulator's balance equals the sum of its objects, to the cent."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from devstack.stripe.core.errors import ApiError
from devstack.stripe.core.store import Store
from devstack.stripe.http.engine import ApiRequest, Engine
from devstack.stripe.http.switches import run_switch

KEY = {"authorization": "Bearer sk_test_property"}
CURRENCIES = ("usd", "jpy", "kwd")
METHODS = (
    "pm_card_visa",
    "pm_card_bypassPending",
    "pm_card_pendingRefund",
    "pm_card_refundFail",
    "pm_card_createDispute",
    "pm_card_createDisputeInquiry",
)
DISPUTE_FEE = 1500
GONE = {"failed", "canceled"}
Sums = dict[tuple[str, str], int]


class Step(NamedTuple):
    """A verb, the number of its object, and an amount."""

    verb: str
    which: int
    amount: int


class World:
    """An emulator without HTTP: calls go to the engine, switches to the switchboard."""

    def __init__(self) -> None:
        self.store = Store(Path(":memory:"))
        self.engine = Engine(self.store)
        self.runner = asyncio.Runner()

    def close(self) -> None:
        self.runner.close()
        self.store.close()

    def call(self, method: str, path: str, account: str = "", **form: Any) -> dict[str, Any]:
        """Call the API; a refusal is returned as an `error`."""
        text = urlencode({name: value for name, value in form.items() if value is not None})
        headers = {**KEY, **({"stripe-account": account} if account else {})}
        answer = self.runner.run(self.engine.answer(ApiRequest(method, path, text, headers)))
        assert answer.status < 500, answer.body
        return dict(json.loads(answer.body))

    def switch(self, path: str, **given: Any) -> dict[str, Any]:
        """Run a switch; a refusal is returned as an `error`."""
        try:
            return run_switch(self.store, path, given)
        except ApiError as refused:
            return refused.body()

    def picked(self, kind: str, which: int) -> dict[str, Any] | None:
        """Return an object of a kind by number modulo the count, or None."""
        rows = self.store.select(kind, "1", (), "ORDER BY seq")
        return rows[which % len(rows)] if rows else None


def pay(world: World, which: int, amount: int) -> None:
    currency, method = CURRENCIES[which % 3], METHODS[which % len(METHODS)]
    manual = which % 4 == 0
    whole = amount * 10 + 500
    form: dict[str, Any] = {"amount": whole, "currency": currency, "payment_method": method, "confirm": "true"}
    kind: dict[str, Any] = {
        "capture_method": "manual" if manual else "automatic",
        "automatic_payment_methods[allow_redirects]": "never",
    }
    intent = world.call("POST", "/v1/payment_intents", **form, **kind, **{"automatic_payment_methods[enabled]": "true"})
    if manual and which % 8 == 0:
        part = max(10, whole // 20 * 10)
        world.call("POST", f"/v1/payment_intents/{intent['id']}/capture", amount_to_capture=part)


def refund(world: World, which: int, amount: int) -> None:
    charge = world.picked("charge", which)
    if charge is not None:
        how: dict[str, Any] = {"amount": amount * 10} if which % 2 else {}
        world.call("POST", "/v1/refunds", charge=charge["id"], **how)


def transfer(world: World, which: int, amount: int) -> None:
    charge, account = world.picked("charge", which), world.picked("account", which)
    if charge is not None and account is not None:
        form = {"amount": amount * 5, "currency": charge["currency"], "destination": account["id"]}
        world.call("POST", "/v1/transfers", **form, source_transaction=charge["id"] if which % 3 else None)


def reverse(world: World, which: int, amount: int) -> None:
    moved = world.picked("transfer", which)
    if moved is not None:
        world.call("POST", f"/v1/transfers/{moved['id']}/reversals", amount=amount if which % 2 else None)


def dispute(world: World, which: int, amount: int) -> None:
    charge = world.picked("charge", which)
    if charge is not None:
        world.switch(f"/charges/{charge['id']}/dispute", amount=amount * 10 if which % 2 else None)


def account_id_of(world: World, which: int) -> str:
    account = world.picked("account", which)
    return account["id"] if account is not None and which % 3 else "platform"


def pay_out(world: World, which: int, amount: int) -> None:
    account_id = account_id_of(world, which)
    if amount % 2:
        world.switch(f"/accounts/{account_id}/pay_out")
    else:
        account = "" if account_id == "platform" else account_id
        world.call("POST", "/v1/payouts", account, amount=amount, currency=CURRENCIES[which % 3])


def end_payout(world: World, which: int, amount: int) -> None:
    payout = world.picked("payout", which)
    if payout is None:
        return
    if amount % 4 == 3:
        world.call("POST", f"/v1/payouts/{payout['id']}/reverse", payout["_account"])
    world.switch(f"/payouts/{payout['id']}/finish", outcome=("succeed", "fail", "cancel")[amount % 3])


def end_refund(world: World, which: int, amount: int) -> None:
    row = world.picked("refund", which)
    if row is None:
        return
    if amount % 3 == 0:
        world.switch(f"/refunds/{row['id']}/require_action")
        world.call("POST", f"/v1/refunds/{row['id']}/cancel")
    world.switch(f"/refunds/{row['id']}/finish", outcome=("succeed", "fail")[amount % 2])


def end_dispute(world: World, which: int, amount: int) -> None:
    row = world.picked("dispute", which)
    if row is not None:
        step = (
            {"outcome": "won"},
            {"outcome": "lost"},
            {"outcome": "won", "return_fee": True},
            {"outcome": "lost", "returned": amount},
            {"outcome": "prevented"},
        )
        if which % 3:
            world.switch(f"/disputes/{row['id']}/escalate")
        world.switch(f"/disputes/{row['id']}/finish", **step[amount % 5])
        world.switch(f"/disputes/{row['id']}/return", amount=amount)


VERBS: dict[str, Callable[[World, int, int], object]] = {
    "pay": pay,
    "refund": refund,
    "transfer": transfer,
    "reverse": reverse,
    "dispute": dispute,
    "end_dispute": end_dispute,
    "end_refund": end_refund,
    "pay_out": pay_out,
    "end_payout": end_payout,
    "open_account": lambda world, which, amount: world.call("POST", "/v1/accounts", type="express"),
    "lapse": lambda world, which, amount: [
        world.switch(f"/payment_intents/{one['id']}/lapse") for one in [world.picked("payment_intent", which)] if one
    ],
    "settle": lambda world, which, amount: world.switch(f"/accounts/{account_id_of(world, which)}/settle"),
    "top_up": lambda world, which, amount: world.switch(
        "/balance/top_up", amount=amount, currency=CURRENCIES[which % 3]
    ),
    "choose": lambda world, which, amount: world.switch(
        "/settings", uncovered_refunds=("overdraw", "wait", "refuse")[which % 3]
    ),
}
STEPS = st.lists(
    st.builds(
        Step, st.sampled_from([*VERBS, "pay", "pay", "refund", "transfer"]), st.integers(0, 60), st.integers(1, 900)
    ),
    min_size=30,
    max_size=50,
)


def fee(amount: int) -> int:
    """Compute Stripe's fee of a payment a second way."""
    return int(amount * 0.029 + 0.5) + 30


def explained(world: World) -> Sums:
    """Sum the balance changes of all objects: (account, currency) to minor units."""
    sums: Sums = defaultdict(int)
    for row in world.store.select("charge", "json_extract(body, '$._account') IS NULL"):
        sums["", row["currency"]] += row["amount_captured"] - fee(row["amount_captured"]) if row["captured"] else 0
    for row in world.store.select("refund", "json_extract(body, '$._account') IS NULL"):
        taken = row["balance_transaction"] and row["status"] not in GONE
        sums["", row["currency"]] -= row["amount"] if taken else 0
    for row in world.store.select("dispute"):
        sums["", row["currency"]] -= explained_dispute(row)
    for account, currency, amount in moved_on(world):
        sums[account, currency] += amount
    return nonzero(sums)


def nonzero(sums: Sums) -> Sums:
    return {key: value for key, value in sums.items() if value}


def moved_on(world: World) -> Iterator[tuple[str, str, int]]:
    """Yield the balance changes of transfers, payouts and top-ups."""
    for row in world.store.select("transfer"):
        kept = row["amount"] - row["amount_reversed"]
        yield "", row["currency"], -kept
        yield row["destination"], row["currency"], kept
    for row in world.store.select("payout"):
        yield row["_account"], row["currency"], 0 if row["status"] in GONE else -row["amount"]
    for row in world.store.select("topup"):
        yield "", row["currency"], row["amount"]


def explained_dispute(row: dict[str, Any]) -> int:
    """Return the current cost of a dispute."""
    if not row["balance_transactions"]:
        return 0
    returned = len(row["balance_transactions"]) > 1 and row["balance_transactions"][1]["fee"] < 0
    given_back = (
        row["amount"] if row["status"] == "won" else sum(entry["amount"] for entry in row["balance_transactions"][1:])
    )
    return int(row["amount"]) - int(given_back) + (0 if returned else DISPUTE_FEE)


def entries(world: World, account: str) -> Iterator[dict[str, Any]]:
    """Read all balance transactions of an account as a client would, page by page."""
    after: str | None = None
    while True:
        found = world.call("GET", "/v1/balance_transactions", account, limit=7, starting_after=after)
        yield from found["data"]
        if not found["has_more"]:
            return
        after = found["data"][-1]["id"]


def reported(world: World) -> tuple[Sums, Sums]:
    """Return the balances and the sums of the balance transactions."""
    balances: Sums = defaultdict(int)
    booked: Sums = defaultdict(int)
    for account in ["", *(row["id"] for row in world.store.select("account"))]:
        found = world.call("GET", "/v1/balance", account)
        for part in [*found["available"], *found["pending"]]:
            balances[account, part["currency"]] += part["amount"]
        for row in entries(world, account):
            assert row["net"] == row["amount"] - row["fee"]
            assert sum(part["amount"] for part in row["fee_details"]) == row["fee"]
            booked[account, row["currency"]] += row["net"]
    return nonzero(balances), nonzero(booked)


def check_charges(world: World) -> None:
    """A charge never refunds more than it captured, and counts its refunds."""
    for charge in world.store.select("charge", "json_extract(body, '$.captured') = 1"):
        refunds = world.store.select("refund", "json_extract(body, '$.charge') = ?", (charge["id"],))
        given = sum(row["amount"] for row in refunds if row["status"] not in GONE)
        released = charge["amount"] - charge["amount_captured"]
        assert 0 <= given <= charge["amount_captured"]
        assert charge["amount_refunded"] == given + released


def booked_now(world: World) -> Sums:
    """Sum the balance transactions without paging."""
    sums: Sums = defaultdict(int)
    for row in world.store.select("balance_transaction"):
        sums[row["_account"], row["currency"]] += row["net"]
    return nonzero(sums)


# Shrinking fifty steps exceeds a test's time limit: the failing step and the seed are printed as drawn.
@settings(max_examples=50, deadline=None, print_blob=True, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(STEPS)
def test_balance_is_explained(steps: list[Step]) -> None:
    """Balances, balance transactions and objects agree, for the platform and each account, after every step."""
    world = World()
    try:
        for step in steps:
            VERBS[step.verb](world, step.which, step.amount)
            assert booked_now(world) == explained(world), step
        balances, booked = reported(world)
        assert balances == booked == explained(world)
        check_charges(world)
    finally:
        world.close()
