"""The picture of a token: an SVG ticket with the show, its place, end and type, and nothing about a person.

The same face gives the same bytes for ever on every machine, because the picture's address is the hash of its bytes:
a change here changes the pictures that are drawn from then on.
"""

import unicodedata
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from typing import NamedTuple

WIDTH = 1000
STUB_AT = 748
TITLE_SIZES = ((92, 12, 1), (78, 14, 2), (62, 18, 2), (50, 22, 3))  # of the letters: size, letters a line, lines
LINE_HEIGHT_PERCENT = 112
BARS, BARS_END = 34, 872
ELLIPSIS = "…"
WIDE, NARROW = frozenset("WMmw@%—…"), frozenset("iljtfrI.,:;'|! ()")
# Background from and to, accent: the show decides, so that its tickets look alike.
PALETTES = (
    ("#1b1147", "#6d1f8f", "#ffb347"),
    ("#06263f", "#0f6a86", "#ffd166"),
    ("#2b0a2f", "#b0234f", "#ffc15e"),
    ("#0b2e2a", "#1d7a55", "#f4d35e"),
    ("#14213d", "#3a4fb0", "#ff9f6b"),
    ("#3a0d12", "#b3432b", "#ffe08a"),
)
FONT = "'Avenir Next','Segoe UI','Helvetica Neue',Helvetica,Arial,sans-serif"


class Face(NamedTuple):
    """What a picture shows; an empty text is left out. `show_id` decides the colours and is not shown.

    `ends` is the end of the show, in UTC.
    """

    title: str
    place: str
    ends: str
    kind: str
    show_id: str


def draw(face: Face) -> str:
    """Return the picture as SVG of 1000 by 1000, which a wallet shows as a square."""
    digest = sha256(face.show_id.encode()).digest()
    dark, bright, accent = PALETTES[digest[0] % len(PALETTES)]
    return "".join((
        (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {WIDTH}" role="img"'
        f' aria-label="{_text(", ".join(filter(None, face[:4])))}" font-family="{FONT}">'),
        "<defs>",
        f'<linearGradient id="g" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="{dark}"/>',
        f'<stop offset="1" stop-color="{bright}"/></linearGradient>',
        '<radialGradient id="l" cx="0.85" cy="0.1" r="0.9">',
        f'<stop offset="0" stop-color="{accent}" stop-opacity="0.55"/>',
        f'<stop offset="1" stop-color="{accent}" stop-opacity="0"/></radialGradient>',
        # Notches on both edges, where the stub tears off.
        f'<clipPath id="c"><path d="{_outline()}"/></clipPath>',
        "</defs>",
        '<rect width="1000" height="1000" fill="#0d0b14"/>',
        '<g clip-path="url(#c)"><rect width="1000" height="1000" fill="url(#g)"/>',
        '<rect width="1000" height="1000" fill="url(#l)"/>',
        *_rings(digest, accent),
        "</g>",
        (f'<path d="M104 {STUB_AT}H896" stroke="#fff" stroke-opacity="0.55" stroke-width="4" stroke-linecap="round"'
        ' stroke-dasharray="2 18"/>'),
        *_head(face, accent),
        *_stub(face, digest, accent),
        "</svg>\n",
    ))  # fmt: skip


def _outline() -> str:
    return (
        f"M96 60H904A36 36 0 0 1 940 96V{STUB_AT - 32}A32 32 0 0 0 940 {STUB_AT + 32}V904A36 36 0 0 1 904 940H96"
        f"A36 36 0 0 1 60 904V{STUB_AT + 32}A32 32 0 0 0 60 {STUB_AT - 32}V96A36 36 0 0 1 96 60Z"
    )


def _rings(digest: bytes, accent: str) -> Sequence[str]:
    """Return circles of light like those over a stage; the show decides where they are."""
    x, y = 560 + digest[1] % 320, 120 + digest[2] % 200
    return [
        f'<circle cx="{x}" cy="{y}" r="{90 + 78 * number}" fill="none" stroke="{accent}" stroke-width="{14 - number}"'
        f' stroke-opacity="0.{max(5, 30 - 4 * number):02d}"/>'
        for number in range(7)
    ]


def _head(face: Face, accent: str) -> Sequence[str]:
    size, lines = _wrapped(face.title)
    height = size * LINE_HEIGHT_PERCENT // 100
    first = 600 - height * (len(lines) - 1)
    title = "".join(f'<tspan x="116" y="{first + height * at}">{_text(line)}</tspan>' for at, line in enumerate(lines))
    kind = _cut(face.kind.upper(), 24)
    width = 60 + round(20 * _width(kind))
    return [
        f'<rect x="116" y="128" width="{width}" height="58" rx="29" fill="{accent}"/>'
        f'<text x="{116 + width // 2}" y="167" font-size="28" font-weight="700" letter-spacing="3"'
        f' text-anchor="middle" fill="#17121f">{_text(kind)}</text>'
        if kind
        else "",
        f'<text font-size="{size}" font-weight="800" fill="#fff">{title}</text>',
        f'<text x="116" y="676" font-size="38" fill="#fff" fill-opacity="0.86">{_text(_cut(face.place, 32))}</text>',
    ]


def _stub(face: Face, digest: bytes, accent: str) -> Sequence[str]:
    """Return the part below the perforation: the end, and bars that are an ornament and carry nothing."""
    bars, at = [], 640
    for number in range(BARS):
        width = 2 + digest[number % len(digest)] % 7
        bars.append(f'<rect x="{at}" y="806" width="{width}" height="78"/>')
        at += width + 3
        if at > BARS_END:
            break
    y = 876 if face.ends else 860
    label = "ENDS (UTC)" if face.ends else ""
    text = face.ends or ("ADMIT ONE" if face.kind else "")
    return [
        f'<text x="116" y="826" font-size="24" letter-spacing="4" fill="{accent}">{label}</text>',
        f'<text x="116" y="{y}" font-size="46" font-weight="700" fill="#fff">{_text(text)}</text>',
        f'<g fill="#fff" fill-opacity="0.9">{"".join(bars)}</g>',
    ]


def _wrapped(title: str) -> tuple[int, list[str]]:
    """Return the size of the letters and the lines: the largest in which the title fits, the smallest cut."""
    for size, letters, lines_max in TITLE_SIZES:
        lines = _lines(title, letters)
        if len(lines) <= lines_max:
            return size, lines
    kept = lines[:lines_max]
    return size, [*kept[:-1], _cut(kept[-1] + ELLIPSIS, letters)]


def _lines(text: str, letters: int) -> list[str]:
    lines = [""]
    for word in text.split():
        rest = word
        while rest:
            room = letters - (_width(f"{lines[-1]} ") if lines[-1] else 0)
            if _width(rest) <= room:
                lines[-1] = f"{lines[-1]} {rest}".strip()
                break
            if lines[-1]:
                lines.append("")
                continue
            part = _fitting(rest, letters)
            lines[-1], rest = part, rest[len(part) :]
            lines.append("")
    return [line for line in lines if line]


def _width(text: str) -> float:
    """Return about how many usual letters wide a text is, in any font without serifs."""
    return sum(map(_width_of, text))


def _width_of(letter: str) -> float:
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.7
    if letter in WIDE:
        return 1.6
    if letter in NARROW:
        return 0.55
    return 1.15 if letter.isupper() else 1.0


def _fitting(text: str, letters: int) -> str:
    """Return the beginning of a text that fits."""
    end = len(text)
    while end > 1 and _width(text[:end]) > letters:
        end -= 1
    return text[:end]


def _cut(text: str, letters: int) -> str:
    return text if _width(text) <= letters else _fitting(text, letters - 1).rstrip(f" {ELLIPSIS}") + ELLIPSIS


def _text(text: str) -> str:
    """Return a text as XML; characters that XML cannot have are left out."""
    return escape("".join(one for one in text if one.isprintable()), quote=True)
