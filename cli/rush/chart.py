"""The chart of a rush: answers over time by kind, and their latencies."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from cli.rush.rehearsal import HELD, NONE, REFUSED, SOLD_OUT, Answer, percentiles

WIDTH, HEIGHT, MARGIN, GAP, HEAD = 1_000, 720, 70, 60, 80
BUCKETS = 40
COLOURS = {HELD: "#2e7d32", SOLD_OUT: "#90a4ae", REFUSED: "#ef6c00", NONE: "#c62828"}
INK, PALE, P50, P99 = "#263238", "#cfd8dc", "#1565c0", "#ad1457"
TICKS = 4


class Panel(NamedTuple):
    """A part of the picture with its own axes; `right` and `top` are the values at their ends."""

    x: int
    y: int
    width: int
    height: int
    right: float
    top: float

    def at(self, along: float, up: float) -> tuple[float, float]:
        """Return the pixel position of a value."""
        return self.x + self.width * along / self.right, self.y + self.height * (1 - up / self.top)


def draw(answers: Sequence[Answer], title: str, file: Path) -> None:
    """Write the PNG; needs at least one answer."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen = ImageDraw.Draw(image)
    end = max(answer.at for answer in answers) or 1.0
    step = end / BUCKETS
    buckets: list[list[Answer]] = [[] for _ in range(BUCKETS)]
    for answer in answers:
        buckets[min(int(answer.at / step), BUCKETS - 1)].append(answer)
    pen.text((MARGIN, 20), title, fill=INK, font=ImageFont.load_default(20))
    _legend(pen, {kind: COLOURS[kind] for kind in COLOURS if any(answer.kind == kind for answer in answers)}, 48)
    height = (HEIGHT - HEAD - GAP - MARGIN) // 2
    most = max(len(bucket) for bucket in buckets) / step
    upper = Panel(MARGIN, HEAD, WIDTH - 2 * MARGIN, height, end, most)
    _axes(pen, upper, "answers per second", lambda value: f"{value:,.0f}")
    _bars(pen, upper, buckets, step)
    spans = [percentiles([answer.took for answer in bucket]) if bucket else None for bucket in buckets]
    slowest = max(span[1] for span in spans if span is not None) * 1_000 or 1.0
    lower = Panel(MARGIN, HEAD + height + GAP, WIDTH - 2 * MARGIN, height, end, slowest)
    _axes(pen, lower, "milliseconds to the answer", lambda value: f"{value:,.0f}")
    _legend(pen, {"p50": P50, "p99": P99}, lower.y - 22)
    for number, colour in ((0, P50), (1, P99)):
        points = [lower.at((i + 0.5) * step, span[number] * 1_000) for i, span in enumerate(spans) if span is not None]
        pen.line(points, fill=colour, width=3)
        for x, y in points:
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)
    image.save(file, format="PNG")


def _bars(pen: ImageDraw.ImageDraw, panel: Panel, buckets: Sequence[Sequence[Answer]], step: float) -> None:
    for number, bucket in enumerate(buckets):
        below = 0.0
        for kind, colour in COLOURS.items():
            rate = sum(answer.kind == kind for answer in bucket) / step
            if rate:
                left, top = panel.at(number * step, below + rate)
                right, bottom = panel.at((number + 1) * step, below)
                pen.rectangle((left, top, right - 2, bottom), fill=colour)
            below += rate


def _axes(pen: ImageDraw.ImageDraw, panel: Panel, title: str, label: Callable[[float], str]) -> None:
    font = ImageFont.load_default(13)
    for tick in range(TICKS + 1):
        value, second = panel.top * tick / TICKS, panel.right * tick / TICKS
        left, y = panel.at(0, value)
        pen.line((left, y, left + panel.width, y), fill=PALE)
        pen.text((left - 8, y), label(value), fill=INK, font=font, anchor="rm")
        x, bottom = panel.at(second, 0)
        pen.text((x, bottom + 6), f"{second:.1f} s", fill=INK, font=font, anchor="ma")
    pen.text((panel.x + panel.width, panel.y - 8), title, fill=INK, font=font, anchor="rb")


def _legend(pen: ImageDraw.ImageDraw, colours: dict[str, str], y: int) -> None:
    font, x = ImageFont.load_default(14), float(MARGIN)
    for name, colour in colours.items():
        pen.rectangle((x, y, x + 14, y + 14), fill=colour)
        pen.text((x + 20, y), name, fill=INK, font=font)
        x += 40 + pen.textlength(name, font=font)
