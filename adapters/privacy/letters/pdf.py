"""Tickets as a PDF to be printed: one page each, with fpdf2 and a font for Latin, Greek and Cyrillic letters."""

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import fontpkg

if TYPE_CHECKING:
    from fpdf import FPDF

FONT = "Noto Sans"
TITLE, BODY, SMALL = 24, 12, 9  # points
MARGIN, QR_SIDE, LINE, GAP = 20, 80, 7, 2  # millimetres
GREY, BLACK = 110, 0


class PrintedTicket(NamedTuple):
    """A ticket: the name of its type, its code, and the picture of that."""

    type_name: str
    code: str
    picture: bytes


def tickets_pdf(
    show_name: str, about: Sequence[tuple[str, str]], tickets: Sequence[PrintedTicket], at: datetime
) -> bytes:
    """Return the pages; the same tickets of the same time give the same bytes."""
    from fpdf import FPDF  # a seventh of all that a worker imports, and most send no letter for long

    paper = FPDF(format="A4", unit="mm")
    paper.set_creation_date(at)
    paper.set_title(show_name)
    paper.set_lang("en")
    paper.add_font(FONT, fname=fontpkg.path(FONT))
    paper.set_margin(MARGIN)
    for number, ticket in enumerate(tickets, start=1):
        _draw(paper, show_name, about, ticket, f"Ticket {number} of {len(tickets)}")
    return bytes(paper.output())


def _draw(paper: "FPDF", show_name: str, about: Sequence[tuple[str, str]], ticket: PrintedTicket, counted: str) -> None:
    """Draw a page."""
    paper.add_page()
    _line(paper, counted, SMALL, GREY)
    _line(paper, show_name, TITLE, BLACK)
    _line(paper, ticket.type_name, BODY + 4, BLACK)
    paper.ln(LINE / 2)
    for name, text in about:
        paper.ln(GAP)
        _line(paper, name, SMALL, GREY)
        _line(paper, text, BODY, BLACK)
    paper.ln(LINE)
    paper.image(BytesIO(ticket.picture), x=(paper.w - QR_SIDE) / 2, w=QR_SIDE, alt_text="QR code of this ticket")
    paper.ln(2)
    _line(paper, ticket.code, SMALL - 1, GREY, align="C")
    paper.ln(LINE)
    _line(paper, "This code lets one person in, once. Keep it to yourself.", SMALL, GREY, align="C")


def _line(paper: "FPDF", text: str, size: float, shade: int, align: str = "L") -> None:
    """Write a text, over as many lines as it takes."""
    from fpdf.enums import WrapMode, XPos, YPos

    paper.set_font(FONT, size=size)
    paper.set_text_color(shade)
    wrapping = WrapMode.CHAR if align == "C" else WrapMode.WORD  # a code has no spaces
    paper.multi_cell(0, size * 0.5, text, align=align, new_x=XPos.LMARGIN, new_y=YPos.NEXT, wrapmode=wrapping)
