"""`python -m tests.docs.crash_recording URL`: docs/img/crash.webp, a purchase whose worker is killed."""

import io
import re
import shutil
import sys
import time
from itertools import pairwise
from pathlib import Path

import typer
from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright

OUT = Path(__file__).parents[2] / "docs" / "img" / "crash.webp"
SIZE = ViewportSize(width=700, height=900)
HEIGHT, WIDTH, MARGIN = 1_180, 600, 16
ENDS = """() => {
  const [steps, panel] = [".steps", "#stack"].map((one) => document.querySelector(one));
  return [steps.getBoundingClientRect().bottom + scrollY + 8, ...["top", "bottom"].map(
    (side) => panel.closest(".panel").getBoundingClientRect()[side] + scrollY)];
}"""
EVERY_SECONDS = 0.3
QUALITY = 75
LAST_MS, LONGEST_MS = 3_000, 2_500  # a long wait is shortened
BYTES_MAX = 1_500_000


def main(url: str) -> None:
    """Pay, kill the worker while the tokens are written, and film until the tickets are there."""
    frames: list[tuple[float, Image.Image]] = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, reduced_motion="reduce")
        page.set_default_timeout(90_000)
        page.goto(f"{url}/shows")
        page.get_by_role("link", name="Tickets for Opening Night").click()
        page.get_by_label("Stalls").select_option("2")
        page.get_by_role("button", name="Hold these tickets").click()
        page.get_by_role("link", name=re.compile("^Pay ")).wait_for()
        page.get_by_role("button", name="Kill Worker").wait_for()
        _film(page, frames, 1.5)
        page.get_by_role("link", name=re.compile("^Pay ")).click()
        page.get_by_role("button", name="Card that works").click()
        page.get_by_text("tokens are being minted").wait_for()
        page.get_by_role("button", name="Kill Worker").focus()
        page.keyboard.press("Shift")  # so that the focus is shown
        _film(page, frames, 0.1)
        page.keyboard.press("Enter")
        while not page.get_by_text("The tickets are yours.", exact=True).is_visible():
            _film(page, frames, EVERY_SECONDS)
        while page.locator("tr", has_text="Worker").filter(has_not_text="up since").is_visible():
            _film(page, frames, EVERY_SECONDS)
        _film(page, frames, 1)
        browser.close()
    _save(frames)


def _film(page: Page, frames: list[tuple[float, Image.Image]], seconds: float) -> None:
    """Take frames for so long, at least one."""
    until = time.monotonic() + seconds
    while True:
        frames.append((time.monotonic(), _taken(page)))
        if time.monotonic() > until:
            return
        page.wait_for_timeout(EVERY_SECONDS * 1_000)


def _taken(page: Page) -> Image.Image:
    """Return the order's steps, and below them the processes; the tickets between them are left out."""
    for _ in range(5):
        steps_end, begin, end = page.evaluate(ENDS)
        with Image.open(io.BytesIO(page.screenshot(full_page=True))) as whole:
            taken = whole.convert("RGB")
        if page.evaluate(ENDS) == [steps_end, begin, end]:  # nothing moved meanwhile
            break
    frame = Image.new("RGB", (taken.width, HEIGHT), taken.getpixel((2, taken.height - 2)))
    frame.paste(taken.crop((0, 0, taken.width, int(steps_end))), (0, 0))
    frame.paste(taken.crop((0, int(begin), taken.width, int(end))), (0, HEIGHT - int(end - begin) - MARGIN))
    return frame


def _save(frames: list[tuple[float, Image.Image]]) -> None:
    """Write the frames that differ from the one before, each for as long as it was seen."""
    kept = [frames[0]]
    for at, frame in frames[1:]:
        if frame.tobytes() != kept[-1][1].tobytes():
            kept.append((at, frame))
    times = [at for at, _ in kept]
    shown_ms = [min(int(1_000 * (after - at)), LONGEST_MS) for at, after in pairwise(times)] + [LAST_MS]
    height = round(HEIGHT * WIDTH / SIZE["width"])
    pictures = [frame.resize((WIDTH, height), Image.Resampling.LANCZOS) for _, frame in kept]
    pictures[0].save(
        OUT, save_all=True, append_images=pictures[1:], duration=shown_ms, loop=0, quality=QUALITY, method=6
    )
    size = OUT.stat().st_size
    typer.echo(f"{len(kept)} frames, {sum(shown_ms) / 1_000:.1f} s, {size} bytes")
    if size > BYTES_MAX:
        raise SystemExit(f"{OUT.name} exceeds {BYTES_MAX} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
