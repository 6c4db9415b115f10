"""`python -m tests.docs.shop_pictures URL DATA_DIR`: every page, in docs/img, from a running and seeded stack.

One picture a page: on a laptop and on a phone, light and dark, beside each other.
"""

import io
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import typer
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

IMG = Path(__file__).parents[2] / "docs" / "img"
LAPTOP, PHONE = ViewportSize(width=1000, height=700), ViewportSize(width=390, height=844)
WAYS = tuple(product((LAPTOP, PHONE), ("light", "dark")))
HEIGHT_MAX, GAP, QUALITY, SCALE = 1_500, 24, 80, 0.6
GROUND = (128, 128, 136)
PATIENCE_MS = 90_000
SHOW = "Opening Night"


class Shown(NamedTuple):
    """What the pages show: the stack's address and key, a show, its venue, an order, and the codes of its tickets."""

    url: str
    key: str
    show_id: str
    venue_id: str
    order: str
    codes: list[str]


Visit = Callable[[Page, Shown], None]


def main(url: str, data_dir: Path) -> None:
    """Buy once, then take each page in four ways."""
    key = (data_dir / "development.key").read_text().strip()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        shown, state = _prepared(browser, url, key)
        for name, visit in VISITS.items():
            _together([_taken(browser, visit, shown, state, *way) for way in WAYS]).save(
                IMG / f"{name}.webp", quality=QUALITY, method=4
            )
            typer.echo(name)
        browser.close()


def _prepared(browser: Browser, url: str, key: str) -> tuple[Shown, Any]:
    """Buy a ticket for each way, and sign in; return what to show, and the cookies of the browser."""
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}) as api:
        show = next(row for row in api.get("/api/v1/shows").json()["items"] if row["name"] == SHOW)
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    _pay(page, url, len(WAYS))
    page.get_by_role("button", name="Card that works").click()
    page.get_by_text("The tickets are yours.", exact=True).wait_for()
    order = page.url
    links = [str(one.get_attribute("href")) for one in page.get_by_role("link", name="Code as text").all()]
    codes = [page.request.get(url + link).text() for link in links]
    page.goto(f"{url}/venue/sign-in")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Payouts").wait_for()
    return Shown(url, key, show["show_id"], show["venue_id"], order, codes), page.context.storage_state()


def _choose(page: Page, url: str, quantity: int = 1) -> None:
    page.goto(f"{url}/shows")
    page.get_by_role("link", name=f"Tickets for {SHOW}").click()
    page.get_by_label("Stalls").select_option(str(quantity))


def _open(page: Page, url: str, quantity: int = 1) -> None:
    _choose(page, url, quantity)
    page.get_by_role("button", name="Hold these tickets").click()
    page.get_by_role("link", name=re.compile("^Pay ")).wait_for()


def _pay(page: Page, url: str, quantity: int = 1) -> None:
    _open(page, url, quantity)
    page.get_by_role("link", name=re.compile("^Pay ")).click()
    page.get_by_role("button", name="Card that works").wait_for()


def _at(path: str) -> Visit:
    def visit(page: Page, shown: Shown) -> None:
        page.goto(shown.url + path.format(**shown._asdict()))

    return visit


def _order(page: Page, shown: Shown) -> None:
    page.goto(shown.order)
    page.get_by_text("Verified on chain").first.click()
    page.evaluate("document.querySelector('img.picture').scrollIntoView()")
    # Not a wait by a function: the page's policy refuses its second look.
    page.locator("img.picture").first.evaluate("picture => picture.decode()")


def _proof(page: Page, shown: Shown) -> None:
    page.goto(shown.order)
    page.goto(shown.url + str(page.locator("details.proof a").first.get_attribute("href")))


def _door(page: Page, shown: Shown) -> None:
    """Let somebody in; on a phone the ticket is shown once more."""
    page.goto(f"{shown.url}/door?show={shown.show_id}")
    page.get_by_label("Key of this gate").fill(shown.key)
    page.get_by_label("Gate", exact=True).fill("North" if page.viewport_size == LAPTOP else "South")
    page.get_by_role("button", name="Open the gate").click()
    code = shown.codes.pop()
    for said in ("Welcome", "Already inside")[: 1 if page.viewport_size == LAPTOP else 2]:
        page.get_by_label("Code of the ticket").fill(code)
        page.get_by_role("button", name="Check").click()
        page.get_by_text(said).first.wait_for()
    page.wait_for_timeout(1_000)  # the count follows


def _docs(page: Page, shown: Shown) -> None:
    page.goto(f"{shown.url}/docs")
    page.get_by_text("Buy Tickets", exact=True).wait_for()


VISITS: Mapping[str, Visit] = {
    "shop-shows": _at("/shows"),
    "shop-show": lambda page, shown: _choose(page, shown.url),
    "shop-open": lambda page, shown: _open(page, shown.url),
    "shop-pay": lambda page, shown: _pay(page, shown.url),
    "shop-order": _order,
    "shop-proof": _proof,
    "shop-problem": _at("/shows/sh_nothing"),
    "door-gate": _at("/door?show={show_id}"),
    "door": _door,
    "venue-sign-in": _at("/venue/sign-in"),
    "venue": _at("/venue/{venue_id}"),
    "venue-show": _at("/venue/{venue_id}/shows/{show_id}"),
    "docs": _docs,
}


def _taken(browser: Browser, visit: Visit, shown: Shown, state: Any, size: ViewportSize, scheme: Any) -> Image.Image:
    """Return a page as a picture, from its top."""
    context = browser.new_context(viewport=size, color_scheme=scheme, storage_state=state)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    visit(page, shown)
    page.wait_for_load_state("load")
    page.wait_for_timeout(700)
    with Image.open(io.BytesIO(page.screenshot(full_page=True))) as taken:
        taken.load()
    context.close()
    return taken.crop((0, 0, taken.width, min(taken.height, HEIGHT_MAX))).convert("RGB")


def _together(pictures: list[Image.Image]) -> Image.Image:
    """Return pictures beside each other, smaller."""
    width = sum(one.width for one in pictures) + GAP * (len(pictures) + 1)
    ground = Image.new("RGB", (width, max(one.height for one in pictures) + 2 * GAP), GROUND)
    left = GAP
    for one in pictures:
        ground.paste(one, (left, GAP))
        left += one.width + GAP
    return ground.resize((int(width * SCALE), int(ground.height * SCALE)), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
