"""One evening: announced, sold online and at the counter, postponed, given back, disputed, scanned, settled.

The sums are computed here, from the prices, the fees and the tax rate alone.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest

from devstack.stack import Stack, start_stack, stop_stack
from tests.fakes.evidence import require_invariants
from tests.fakes.patience import PATIENCE_SECONDS
from tests.real.paying import has
from tests.real.shop import Shop
from tests.real.up import UP

pytestmark = pytest.mark.real
SOON = {
    "BOXOFFICE_PAYOUTS__EVERY_SECONDS": "1",
    "BOXOFFICE_PAYOUTS__DELAY_SECONDS": "0",
    "BOXOFFICE_PAYOUTS__MINIMUM_MINOR": "1",
}
# Chosen so that no sum below has to be rounded.
PRICE, TAX_BPS, PLATFORM_BPS, PROCESSING_BPS, WHOLE = 10_700, 700, 500, 200, 10_000
ANN = {"name": "Ann Again", "email": "ann@example.org"}
BOX_OFFICE = "/internal/purchases"


class Sale(NamedTuple):
    """The sums of some tickets, in cents; the tax is within the price, and cash has no processing fee."""

    tickets: int
    discount: int = 0
    in_cash: bool = False

    @property
    def gross(self) -> int:
        return self.tickets * PRICE

    @property
    def base(self) -> int:
        return self.gross - self.discount

    @property
    def tax(self) -> int:
        return exactly(self.base * TAX_BPS, WHOLE + TAX_BPS)

    @property
    def fees(self) -> int:
        return exactly(self.base * (PLATFORM_BPS + (0 if self.in_cash else PROCESSING_BPS)), WHOLE)

    @property
    def total(self) -> int:
        return self.base + self.fees

    @property
    def share(self) -> int:
        """What the venue earns."""
        return self.base - self.tax


def exactly(amount: int, parts: int) -> int:
    whole, rest = divmod(amount, parts)
    assert rest == 0
    return whole


WITH_CODE = Sale(2, discount=PRICE)
TWO, ONE, CASH = Sale(2), Sale(1), Sale(2, in_cash=True)
SOLD = (WITH_CODE, TWO, ONE, CASH, ONE)  # the last one is disputed and lost
GONE = (ONE, ONE)  # given back, and lost to the bank
EARNED = sum(sale.share for sale in SOLD) - sum(sale.share for sale in GONE)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for this file: the share of a show that is over is due at once."""
    place = tmp_path_factory.mktemp("evening")
    with asyncio.Runner() as runner:
        started, child = runner.run(start_stack(place, env=SOON, up=UP))
        yield started
        runner.run(stop_stack(place, child))


class Evening:
    """A show from its announcement to its money."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.buyers: dict[str, dict[str, str]] = {}
        self.bought: dict[str, Any] = {}

    async def announce(self) -> None:
        """Open a show for tomorrow: two tickets for each buyer, and a code for half of them."""
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        await self.shop.open(
            price_minor=PRICE,
            rates={"platform_bps": PLATFORM_BPS, "processing_bps": PROCESSING_BPS},
            tax={"rate_bps": TAX_BPS, "inclusive": True},
            buyer_tickets_max=2,
            starts_at=tomorrow.isoformat(),
        )
        half = {"code": "HALF", "percent_bps": 5_000}
        made = await self.shop.post(f"/api/v1/shows/{self.shop.show_id}/discounts", half, f"{self.shop.show_id}-half")
        assert made.status_code == httpx.codes.CREATED, made.text

    async def sell(self, key: str, sale: Sale, **more: Any) -> None:
        """Sell tickets by card to the end; the buyer pays what this file computes."""
        bought = await self.shop.buy(f"{self.shop.show_id}-{key}", sale.tickets, **more)
        assert bought.status_code == httpx.codes.CREATED, bought.text
        body = bought.json()
        assert body["price"]["total_minor"] == sale.total
        assert await self.shop.pay(body["client_secret"]) == httpx.codes.OK
        await self.end(key, body)

    async def sell_for_cash(self, sale: Sale) -> None:
        """Sell tickets at the counter, for the price that it asks."""
        items = [{"ticket_type_id": self.shop.seat, "quantity": sale.tickets}]
        wanted = {"show_id": self.shop.show_id, "items": items, "tender": "cash"}
        quoted = (await self.shop.post("/internal/counter/quotes", wanted)).json()["price"]["total_minor"]
        assert quoted == sale.total
        await self.end("cash", (await self.shop.post(BOX_OFFICE, wanted, f"{self.shop.show_id}-cash")).json())

    async def end(self, key: str, body: Any) -> None:
        """Wait for the end of a sale."""
        self.buyers[body["purchase_id"]] = {"Purchase-Token": body["purchase_token"]}
        ended = await self.shop.ended(body["purchase_id"])
        assert ended["state"] == "fulfilled"
        self.bought[key] = ended

    async def change(self, **dates: datetime) -> None:
        """Give the show other dates."""
        body = {name: at.isoformat() for name, at in dates.items()}
        changed = await self.shop.http.patch(f"/api/v1/shows/{self.shop.show_id}", json=body)
        assert changed.is_success, changed.text

    async def code(self, key: str, number: int = 0) -> str:
        """Return the text of a ticket's QR code, as its buyer sees it."""
        purchase = self.bought[key]
        path = f"/api/v1/tickets/{purchase['tickets'][number]['ticket_id']}/code"
        return str((await self.shop.get(path, **self.buyers[purchase["purchase_id"]]))["ticket_code"])

    async def scan(self, gate: str, code: str, nonce: str) -> str:
        """Scan a code at a gate; return the reason of the answer."""
        body = {"show_id": self.shop.show_id, "gate": gate, "nonce": nonce, "ticket_code": code}
        return str((await self.shop.post("/api/v1/checkins", body)).json()["reason"])

    async def balance(self, done: Callable[[Any], bool]) -> Any:
        """Wait for the venue's balance."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                (found,) = (await self.shop.get(f"/api/v1/venues/{self.shop.venue_id}/balance"))["balances"]
                if done(found):
                    return found
                await asyncio.sleep(0.2)


@pytest.fixture
async def evening(stack: Stack) -> AsyncIterator[Evening]:
    async with Shop.at(stack) as shop:
        yield Evening(shop)


async def test_an_evening(evening: Evening) -> None:
    """Statement, tax, till and counts are the sums of what was sold, given back, lost and scanned."""
    shop = evening.shop
    await evening.announce()
    await evening.sell("code", WITH_CODE, discount_code="half")
    await evening.sell("ann", TWO, buyer=ANN)
    await evening.sell_for_cash(CASH)
    await evening.sell("disputed", ONE)
    postponed = datetime.now(UTC) + timedelta(days=30)
    await evening.change(starts_at=postponed, doors_at=postponed - timedelta(hours=1))
    given_back = await evening.code("ann")
    await give_back_and_buy(evening)
    await lose_dispute(shop, evening.bought["disputed"])
    await scan_all(evening, given_back)
    await settle(evening)
    await judge_month(evening)
    await judge_door(evening)
    require_invariants((await shop.at_rest(set(evening.buyers))).findings)


async def give_back_and_buy(evening: Evening) -> None:
    """Ann has as many tickets as a buyer may have: she gives one back for all she paid for it, and buys another."""
    shop, anns = evening.shop, evening.bought["ann"]
    refused = await shop.buy(f"{shop.show_id}-third", 1, buyer=ANN)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:boxoffice:problem:buyer-limit")
    ticket_id = anns["tickets"][0]["ticket_id"]
    refund = (await shop.refund(anns["purchase_id"], f"{shop.show_id}-back", ticket_ids=[ticket_id])).json()
    assert refund["amount_minor"] == ONE.total
    await shop.refunded(anns["purchase_id"], refund["refund_id"])
    await evening.sell("again", ONE, buyer=ANN)


async def lose_dispute(shop: Shop, disputed: Any) -> None:
    """Let the buyer's bank take the money of a sale back for good."""
    charge_id = disputed["payment"]["charge_id"]
    dispute = await shop.emulate(f"charges/{charge_id}/dispute")
    await shop.emulate(f"disputes/{dispute['id']}/finish", outcome="lost")
    await shop.until(disputed["purchase_id"], has("dispute.lost"), PATIENCE_SECONDS)


async def scan_all(evening: Evening, given_back: str) -> None:
    """Scan at two gates; South is offline, and lets in whoever shows a code that was sealed by us."""
    shop, now = evening.shop, datetime.now(UTC)
    first = await evening.code("code")
    assert await evening.scan("North", first, "early") == "not-yet"
    await evening.change(doors_at=now - timedelta(hours=1))
    assert await evening.scan("North", first, "1") == "admitted"
    assert await evening.scan("North", first, "1") == "admitted"
    assert await evening.scan("North", await evening.code("cash"), "2") == "admitted"
    assert await evening.scan("North", await evening.code("again"), "3") == "admitted"
    assert await evening.scan("North", given_back, "4") == "void"
    assert await evening.scan("North", await evening.code("disputed"), "5") == "blocked"
    offline = [first, await evening.code("code", 1), await evening.code("ann", 1), given_back]
    scans = [
        {"nonce": f"s{number}", "ticket_code": code, "entered_at": (now + timedelta(seconds=number)).isoformat()}
        for number, code in enumerate(offline)
    ]
    upload = {"show_id": shop.show_id, "gate": "South", "scans": scans}
    for _ in range(2):  # the answer was lost: the same report
        report = (await shop.post("/api/v1/checkins/batch", upload)).json()
        reasons = [one["reason"] for one in report["scans"]]
        assert (report["conflicts"], reasons) == (2, ["already-checked-in", "admitted", "admitted", "void"])


async def settle(evening: Evening) -> None:
    """The venue's money waits for the new date; at its end the shares are transferred, less what the till owes us."""
    shop, till = evening.shop, CASH.total
    await shop.emulate("settings", onboarding="complete")
    path = f"/api/v1/venues/{shop.venue_id}/onboarding"
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await shop.http.post(path)).json()["state"] != "ready":  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    waiting = await evening.balance(lambda one: one["reserved_minor"] == 0)
    assert (waiting["pending_minor"], waiting["available_minor"]) == (EARNED - till, 0)
    assert (await shop.get(f"/internal/counter/tills/{shop.venue_id}"))["balances"] == [
        {"currency": "eur", "cash_minor": till}
    ]
    now = datetime.now(UTC)
    await evening.change(starts_at=now - timedelta(hours=2), doors_at=now - timedelta(hours=3), ends_at=now)
    split = await evening.balance(lambda one: one["pending_minor"] == 0)
    assert (split["available_minor"], split["paid_out_minor"]) == (EARNED - till, till)


async def judge_month(evening: Evening) -> None:
    """Each sale stands once in the statement; the columns, the balances and the tax are our sums."""
    shop = evening.shop
    await shop.caught_up()
    statement = await shop.get(f"/api/v1/venues/{shop.venue_id}/statement?limit=1000")
    sums = Counter[str]()
    for line in statement["lines"]:
        for column in ("gross_minor", "discount_minor", "fees_minor", "tax_minor", "netted_minor", "amount_minor"):
            sums[column] += line[column] or 0
    assert sums == {
        "gross_minor": sum(sale.gross for sale in SOLD),
        "discount_minor": sum(sale.discount for sale in SOLD),
        "fees_minor": sum(sale.fees for sale in SOLD),
        "tax_minor": sum(sale.tax for sale in SOLD),
        "netted_minor": CASH.fees + CASH.tax,
        "amount_minor": EARNED,
    }
    assert sum(one["balance_minor"] for one in statement["closing"]) == EARNED
    taxes = (await shop.get(f"/api/v1/venues/{shop.venue_id}/taxes"))["sums"]
    assert {one["tax_bps"] for one in taxes} == {TAX_BPS}
    came = sum(one["tax_minor"] for one in taxes if one["kind"] == "sale")
    went = sum(one["tax_minor"] for one in taxes if one["kind"] != "sale")
    assert (came, went) == (sum(sale.tax for sale in SOLD), -sum(sale.tax for sale in GONE))


async def judge_door(evening: Evening) -> None:
    """The people who are in, by gate; the refused scans; and the tickets of the house."""
    shop = evening.shop
    counted = await shop.get(f"/api/v1/shows/{shop.show_id}/checkins")
    assert {one["gate"]: one["count"] for one in counted["entries"]} == {"North": 3, "South": 2}
    assert counted["entered"] == 5
    refused = {(one["gate"], one["reason"]): one["count"] for one in counted["refused"]}
    assert refused == {
        ("North", "not-yet"): 1,
        ("North", "void"): 1,
        ("North", "blocked"): 1,
        ("South", "already-checked-in"): 1,
        ("South", "void"): 1,
    }
    listed = (await shop.get(f"/api/v1/tickets?show_id={shop.show_id}"))["items"]
    states = Counter(one["state"] for one in listed)
    assert sum(states.values()) == sum(sale.tickets for sale in SOLD)
    assert states == {"redeemed": 5, "void": 1, "issued": 2}
