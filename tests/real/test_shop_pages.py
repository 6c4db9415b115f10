"""The shop in a real browser: bought, declined, authenticated, sold out, expired, a killed worker, refunded.

Every page is judged by axe-core, and no request of the browser leaves this machine.
"""

import asyncio
import csv
import io
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, Route, ViewportSize, async_playwright

from cli.stack.seed import SHOWS
from tests.real.shop import WHERE_IT_LIES, Shop

CHROMIUM = shutil.which("chromium") or ""
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
GRAVE = {"serious", "critical"}
SECONDS = 60
PHONE = ViewportSize(width=390, height=844)
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not CHROMIUM, reason="needs a Chromium: `apt-get install chromium`"),
]


class Buyer:
    """A person at a browser, who looks at every page with axe-core."""

    def __init__(self, page: Page, at: str) -> None:
        self.page = page
        self.at = at
        self.left: list[str] = []
        self.errors: list[str] = []

    async def only_here(self, route: Route) -> None:
        """Let a request go to this machine alone."""
        if urlsplit(route.request.url).hostname == "127.0.0.1":
            await route.continue_()
        else:
            self.left.append(route.request.url)
            await route.abort()

    async def judge(self) -> None:
        """Fail where somebody with a keyboard, a reader or poor sight could not use this page."""
        # Without its style sheet a page has the browser's colours, which nobody sees.
        await self.page.wait_for_load_state("networkidle" if "/pay" in self.page.url else "load")
        found = await self.page.evaluate("axe.run()")
        grave = [(one["id"], one["nodes"][0]["html"]) for one in found["violations"] if one["impact"] in GRAVE]
        assert grave == [], (self.page.url, grave)

    async def judge_day_and_night(self) -> None:
        """Judge the page in its light and in its dark colours."""
        for scheme in ("dark", "light"):
            await self.page.emulate_media(color_scheme=scheme)
            await self.judge()

    async def cells(self, name: str) -> list[str]:
        """Return the cells of the table row with this name."""
        row = self.page.locator("tr", has=self.page.get_by_role("rowheader", name=name, exact=True)).first
        return [text.strip() for text in await row.locator("td").all_text_contents()]

    async def order(self, show_id: str, quantity: int = 1) -> str:
        """Hold tickets of a show, and return the address of the order."""
        await self.page.goto(f"{self.at}/shows/{show_id}")
        await self.judge()
        await self.page.get_by_label("Seat").select_option(str(quantity))
        await self.page.get_by_label("E-mail").fill("ann@example.org")
        await self.page.get_by_role("button", name="Hold these tickets").click()
        await self.page.wait_for_url(re.compile("/orders/"))
        return self.page.url

    async def says(self, text: str) -> None:
        """Wait until the page says something."""
        await self.page.get_by_text(text).first.wait_for(timeout=SECONDS * 1000)

    async def press(self, name: str) -> None:
        """Press a button or follow a link."""
        found = self.page.get_by_role("button", name=name).or_(self.page.get_by_role("link", name=name))
        await found.first.click(timeout=SECONDS * 1000)


@asynccontextmanager
async def buyer_at(shop: Shop) -> AsyncIterator[Buyer]:
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page(viewport=PHONE)
        await page.add_init_script(AXE)
        buyer = Buyer(page, shop.stack.urls["api"])
        page.on("pageerror", lambda error: buyer.errors.append(str(error)))
        page.on("console", lambda line: buyer.errors.append(line.text) if "Content Security" in line.text else None)
        await page.route("**/*", buyer.only_here)
        try:
            yield buyer
        finally:
            await browser.close()
    assert (buyer.left, buyer.errors) == ([], [])


async def test_a_purchase_from_the_shop_to_its_refund(shop: Shop) -> None:
    """A declined card, a good one with 3-D Secure, a worker killed in the middle, and the money back."""
    await shop.open(price_minor=4_500, capacity=3)
    async with buyer_at(shop) as buyer:
        await buyer.page.goto(buyer.at)
        await buyer.says("On sale now")
        await buyer.judge()
        order = await buyer.order(shop.show_id, 2)
        await buyer.press("Pay 99.36 EUR")
        await buyer.judge()
        await buyer.press("Card that is declined")
        await buyer.says("Your card was declined.")
        await buyer.press("Card with 3-D Secure")
        await buyer.press("Yes, it is me")
        await buyer.page.wait_for_url(order)
        worker = shop.stack.pid_of("worker") or 0
        await buyer.press("Kill Worker")
        await shop.stack.healthy_again("worker", worker)
        await buyer.says("The tickets are yours.")
        purchase_id = order.rpartition("/")[2]
        await shop.ended(purchase_id)
        await buyer.says("Venue credited")
        await buyer.page.get_by_text("Verified on chain").first.click()
        await buyer.page.evaluate("document.querySelector('img.picture').scrollIntoView()")
        await buyer.page.evaluate("document.querySelector('img.picture').decode()")  # until it is there
        await buyer.judge()
        await buyer.page.get_by_role("link", name="Check it on chain now").first.click()
        await buyer.says("Read from the chain just now")
        await buyer.judge()
        await buyer.press("Back to your order")
        await buyer.press("Give the tickets back")
        await buyer.says("Your money was refunded.")
        await buyer.judge()
        assert await shop.check_sums([purchase_id]) == {"fulfilled": 1}


async def test_a_ticket_is_scanned_at_the_door(shop: Shop) -> None:
    """Bought, paid, its code typed at a gate: it lets in once, and the gate counts one person."""
    await shop.open(capacity=1)
    async with buyer_at(shop) as buyer:
        order = await buyer.order(shop.show_id)
        await buyer.press("Pay")
        await buyer.press("Card that works")
        await buyer.page.wait_for_url(order)
        await buyer.says("The tickets are yours.")
        code = await buyer.page.get_by_role("link", name="Code as text").get_attribute("href")
        answer = await buyer.page.request.get(f"{buyer.at}{code}")
        await buyer.page.goto(f"{buyer.at}/door")
        await buyer.judge()
        await buyer.page.get_by_label("Key of this gate").fill(shop.stack.key["Authorization"].removeprefix("Bearer "))
        await buyer.page.get_by_label("Show").select_option(shop.show_id)
        await buyer.press("Open the gate")
        for said in ("Welcome", "Already inside"):
            await buyer.page.get_by_label("Code of the ticket").fill(await answer.text())
            await buyer.press("Check")
            await buyer.says(said)
            await buyer.judge()
        await buyer.page.locator("#count", has_text="1").wait_for()


async def test_what_is_sold_out_or_too_late_says_so(shop: Shop) -> None:
    """One chair: another buyer finds none; its hold runs out before anybody's eyes, and it is on sale again."""
    await shop.open(capacity=1, hold_seconds=4)
    async with buyer_at(shop) as buyer:
        order = await buyer.order(shop.show_id)
        await buyer.page.goto(f"{buyer.at}/shows/{shop.show_id}")
        await buyer.says("Sold out")
        await buyer.judge()
        await buyer.page.goto(order)
        await buyer.says("The time to pay ran out")
        await buyer.judge()
        await buyer.page.goto(f"{buyer.at}/shows/{shop.show_id}")
        await buyer.says("Only 1 left")


async def test_a_venue_sees_the_figures_of_the_api(shop: Shop) -> None:
    """Sold, entered and settled: each table of its pages has the sums of the API's answers, by day and by night."""
    await shop.open(price_minor=4_500, capacity=7)
    bought = [(await shop.buy(f"venue-{number}-{shop.show_id}", number)).json() for number in (1, 2)]
    for one in bought:
        await shop.pay(one["client_secret"])
    sold = [await shop.ended(one["purchase_id"]) for one in bought]
    for ticket in sold[1]["tickets"]:
        scan = {
            "show_id": shop.show_id,
            "gate": "North",
            "nonce": ticket["ticket_id"],
            "ticket_id": ticket["ticket_id"],
        }
        assert (await shop.post("/api/v1/checkins", scan)).json()["admitted"]
    await shop.caught_up()
    async with buyer_at(shop) as venue:
        await venue.page.goto(f"{venue.at}/venue")
        await venue.judge()
        await venue.page.get_by_label("API key").fill(shop.stack.key["Authorization"].removeprefix("Bearer "))
        await venue.press("Sign in")
        await venue.page.goto(f"{venue.at}/venue/{shop.venue_id}")
        await venue.judge_day_and_night()
        (money,) = (await shop.get(f"/api/v1/venues/{shop.venue_id}/balance"))["balances"]
        together = sum(money[place] for place in WHERE_IT_LIES)
        assert await venue.cells("Together") == [f"{together / 100:.2f} EUR"]
        link = await venue.page.get_by_role("link", name="as CSV").get_attribute("href")
        file = await (await venue.page.request.get(f"{venue.at}{link}")).text()
        assert sum(int(line["amount_minor"]) for line in csv.DictReader(io.StringIO(file))) == together
        await venue.press("Show")
        await venue.page.wait_for_url(re.compile("/shows/"))
        await venue.judge_day_and_night()
        sales = (await shop.get(f"/api/v1/shows/{shop.show_id}/sales"))["sales"]
        assert sum(day["total_minor"] for day in sales) == sum(one["price"]["total_minor"] for one in sold)
        tiles = await venue.page.locator(".tiles dd").all_text_contents()
        assert tiles == ["3", f"{sum(day['total_minor'] for day in sales) / 100:.2f} EUR", "2"]
        (stock,) = (await shop.show())["ticket_types"]
        assert (
            await venue.cells("Seat") == [str(stock[name]) for name in ("sold", "held", "available")] == ["3", "0", "4"]
        )
        assert await venue.cells("Token on chain") == await venue.cells("Valid tickets") == ["3"]
        assert await venue.cells("North") == ["2", "2"]
        await venue.press("Sign out")
        await venue.says("For venues")


async def test_the_api_describes_itself_without_the_internet(shop: Shop) -> None:
    """Swagger UI from this server: an operation is tried; no request leaves, and the policy stops nothing."""
    async with buyer_at(shop) as reader:
        await reader.page.goto(f"{reader.at}/docs")
        await reader.page.get_by_text("/api/v1/config", exact=True).first.click()
        await reader.press("Try it out")
        await reader.press("Execute")
        await reader.says('"publishable_key": "pk_test_boxoffice"')
        assert await reader.page.title() == "HTTP API · Boxoffice"


async def test_a_seeded_stack_has_something_to_look_at(shop: Shop) -> None:
    """`boxoffice seed` puts shows on sale, and finds the same ones when it is repeated."""
    found = [await seeded(shop) for _ in range(2)]
    shows = found[0]["shows"]
    assert found[0] == found[1]
    assert {show["name"] for show in shows} == {show["name"] for show in SHOWS}
    async with buyer_at(shop) as buyer:
        await buyer.page.goto(found[0]["shop"])
        for show in shows:
            await buyer.page.get_by_role("link", name=show["name"], exact=True).wait_for()


async def seeded(shop: Shop) -> Any:
    """Run `boxoffice seed --json` on the stack; return what it says, without figures that change."""
    command = (sys.executable, "-m", "cli.main", "seed", "--json", "--data-dir", str(shop.stack.folder))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    made = json.loads(said)
    shows = [{"show_id": show["show_id"], "name": show["name"]} for show in made["shows"]]
    return {"shop": made["shop"], "venue_id": made["venue"]["venue_id"], "shows": shows}
