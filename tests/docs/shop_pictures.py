"""`python -m tests.docs.shop_pictures URL`: the pictures of the shop in docs/img, from a running and seeded stack."""

import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

IMG = Path(__file__).parents[2] / "docs" / "img"
LAPTOP, PHONE = ViewportSize(width=1000, height=700), ViewportSize(width=390, height=844)
PATIENCE_MS = 90_000


def main(url: str) -> None:
    """Buy two tickets, kill the worker meanwhile; take each page on a laptop by day, and on a phone by night."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        laptop = browser.new_context(viewport=LAPTOP)
        page = _opened(laptop.new_page(), f"{url}/shows", "shop-shows")
        page.get_by_role("link", name="Tickets for Opening Night").click()
        page.get_by_label("Stalls").select_option("2")
        _take(page, "shop-show")
        page.get_by_role("button", name="Hold these tickets").click()
        page.get_by_role("link", name=re.compile("^Pay ")).click()
        page.get_by_role("button", name="Card that works").wait_for()
        _take(page, "shop-pay")
        page.get_by_role("button", name="Card that works").click()
        page.get_by_text("tokens are being written").wait_for()
        page.get_by_role("button", name="Kill Worker").click()
        page.locator("tr", has_text="Worker").filter(has_not_text="up since").wait_for()
        _take(page, "shop-crash")
        page.get_by_text("The tickets are yours.", exact=True).wait_for()
        _take(page, "shop-order")
        night = browser.new_context(viewport=PHONE, color_scheme="dark", storage_state=laptop.storage_state())
        _opened(night.new_page(), page.url, "shop-order-phone")
        phone = _opened(night.new_page(), f"{url}/shows", "shop-shows-phone")
        phone.get_by_role("link", name="Tickets for Opening Night").click()
        _take(phone, "shop-show-phone")
        _opened(phone, f"{url}/shows/sh_nothing", "shop-problem-phone")
        browser.close()


def _opened(page: Page, url: str, name: str) -> Page:
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url)
    _take(page, name)
    return page


def _take(page: Page, name: str) -> None:
    page.screenshot(path=IMG / f"{name}.png", full_page=True)


if __name__ == "__main__":
    main(sys.argv[1])
