"""`python -m tests.docs.temporal_pictures`: the picture of an act that was done, in Temporal's web UI, in docs/img.

It starts a stack of its own with the web UI, and sells and refunds a ticket that the bank does not pay back.
"""

import asyncio
import re
import shutil
import tempfile
from pathlib import Path

from playwright.async_api import FloatRect, Page, ViewportSize, async_playwright

from devstack.stack import UP, running_stack
from tests.real.shop import Shop
from tests.real.test_operators_pages import failed_refund

IMG = Path(__file__).parents[2] / "docs" / "img"
PORTS = [f"--{name}-port=0" for name in ("api", "temporal", "temporal-ui", "stripe", "solana")]
PATIENCE_MS = 60_000
SEEN_SECONDS = 3.0  # until the page is drawn
WIDE = ViewportSize(width=1600, height=1000)
ACT = '{"operator": "anna", "reason": "the buyer has another card", "stage": "failed"}'


async def main() -> None:
    """Let an operator try a failed refund again, and show what the history keeps of it."""
    folder = Path(tempfile.mkdtemp(prefix="pictures-"))
    place = folder / "stack"
    place.mkdir()
    async with running_stack(place, up=(*UP, *PORTS)) as stack, Shop.at(stack) as shop, async_playwright() as driver:
        await shop.open()
        refund_id = await failed_refund(shop, "pictures")
        browser = await driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = await browser.new_page(viewport=WIDE)
        page.set_default_timeout(PATIENCE_MS)
        await page.goto(f"{stack.urls['temporal_ui']}/namespaces/default/workflows/refund%2F{refund_id}")
        await page.wait_for_url(re.compile("/refund%2F.+/.+"))
        await act(page)
        await page.goto(f"{page.url.rpartition('/')[0]}/history")
        await take(page, IMG / "temporal-act-done.png")
        await browser.close()
    shutil.rmtree(folder)


async def act(page: Page) -> None:
    """Send the update as an operator does."""
    await page.get_by_role("button", name="More Actions").click()
    await page.get_by_role("menuitem", name="Send an Update").click()
    dialog = page.get_by_role("dialog", name="Send an Update")
    await dialog.get_by_test_id("update-select-button").click()
    await page.get_by_role("option", name="retry_now").first.click()
    await dialog.locator(".cm-content").click()
    await page.keyboard.insert_text(ACT)
    await dialog.get_by_text("Single JSON payload").click()  # the editor lays the text out anew
    await asyncio.sleep(SEEN_SECONDS)
    await dialog.get_by_role("button", name="Submit").click()
    await dialog.wait_for(state="hidden")


async def take(page: Page, path: Path) -> None:
    """Take a picture of the compact history, down to the update and its answer."""
    await page.get_by_text("Compact", exact=True).click()
    row = page.locator("table tr").filter(has=page.get_by_text("retry_now", exact=True)).first
    await row.wait_for()
    await asyncio.sleep(SEEN_SECONDS)
    head = await page.get_by_role("heading", name="Event History").bounding_box()
    last = await row.bounding_box()
    assert head is not None
    assert last is not None
    width, height = WIDE["width"] - head["x"], last["y"] + last["height"] - head["y"]
    await page.screenshot(path=path, clip=FloatRect(x=head["x"], y=head["y"], width=width, height=height))


if __name__ == "__main__":
    asyncio.run(main())
