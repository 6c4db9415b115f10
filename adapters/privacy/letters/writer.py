"""Write letters: plain text and HTML from one description, QR codes inside the HTML, and tickets as a PDF."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from adapters.privacy.letters.pdf import PrintedTicket, tickets_pdf
from adapters.privacy.letters.words import changed_details, moment, words_of
from adapters.privacy.ticket_qr import drawn
from domain.core.ids import Identity, derived, order_ref_of
from domain.money.currency import money
from domain.views.outgoing.letters import Attachment, CodedTicket, Letter, LetterMatter

FOLDER = Path(__file__).parent / "templates"
TOLD_WITH_PRICE = ("order-confirmed",)


Printer = Callable[[str, Sequence[tuple[str, str]], Sequence[PrintedTicket], datetime], bytes]


class OrderLinks(Protocol):
    """Makes links to orders' pages."""

    def link_of(self, tenant_id: str, purchase_id: str) -> str | None:
        """Return the link; None where there is no such page."""


class ShopLinks(NamedTuple):
    """OrderLinks to the pages of the shop, for the orders of its tenant. Whoever has such a link has the order."""

    identity: Identity
    public_url: str
    tenant_id: str

    def link_of(self, tenant_id: str, purchase_id: str) -> str | None:
        """Return the link with the purchase's token; None for an order that the shop does not serve."""
        if not self.tenant_id or tenant_id != self.tenant_id:
            return None
        return f"{self.public_url}/orders/{purchase_id}?token={self.identity.purchase_token(purchase_id)}"


@cache
def templates() -> Environment:
    """Return the templates of letters; the HTML ones escape everything."""
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


class TemplateWriter:
    """Writes letters from the templates beside this module; the same matter gives the same letter."""

    def __init__(self, links: OrderLinks, print_tickets: Printer = tickets_pdf) -> None:
        self._links = links
        self._print = print_tickets

    def write_letter(self, matter: LetterMatter, codes: Sequence[CodedTicket], *, is_again: bool) -> Letter:
        """Write a letter; one that is sent again says that it may have come before."""
        purchase, event = matter.purchase, matter.event
        order_ref = order_ref_of(purchase["purchase_id"])
        words = words_of(matter, order_ref)
        values: dict[str, Any] = {
            "words": words,
            "about": about_of(matter, order_ref),
            "changes": changed_details(matter) if matter.kind == "show-changed" else [],
            "prices": prices_of(matter),
            "tickets": [(number, code) for number, code in enumerate(codes, start=1)],
            "link": self._links.link_of(purchase["tenant_id"], purchase["purchase_id"]),
            "contact": matter.show["contact"],
            "is_again": is_again,
        }
        at = datetime.fromisoformat(event["timestamp"])
        text, html = (templates().get_template(f"letter.{form}").render(**values) for form in ("txt", "html"))
        files = self._files(matter, codes, order_ref)
        return Letter(
            derived("lt", event["id"], purchase["purchase_id"]), at, one_line(words.subject), text, html, files
        )

    def _files(self, matter: LetterMatter, codes: Sequence[CodedTicket], order_ref: str) -> list[Attachment]:
        """Return the QR codes, which the HTML shows, and the tickets to be printed."""
        if not codes:
            return []
        shown = [
            Attachment(f"ticket-{number}.png", "image/png", drawn(code.code, "png"), f"ticket-{number}@boxoffice")
            for number, code in enumerate(codes, start=1)
        ]
        about = [line for line in about_of(matter, order_ref) if line[0] != "Show"]
        printed = [PrintedTicket(code.type_name, code.code, qr.content) for code, qr in zip(codes, shown, strict=True)]
        at = datetime.fromisoformat(matter.event["timestamp"])
        pdf = self._print(matter.show["name"], about, printed, at)
        return [*shown, Attachment(f"tickets-{order_ref}.pdf", "application/pdf", pdf)]


def one_line(text: str) -> str:
    """Return a text for a header: without line breaks and other control characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def about_of(matter: LetterMatter, order_ref: str) -> list[tuple[str, str]]:
    """Return what the letter is about: the show, when and where it is now, and the order."""
    show = matter.show
    times = (("Begins", show["starts_at"]), ("Doors", show["doors_at"]))
    found = [("Show", show["name"])]
    if matter.kind != "show-changed":
        found += [(name, moment(at, show["time_zone"])) for name, at in times if at is not None]
        found += [("Place", show["place"])] if show["place"] else []
    return [*found, ("Order", order_ref)]


def prices_of(matter: LetterMatter) -> list[tuple[str, str]]:
    """Return the lines of the price of a confirmed order; the last one is the total."""
    purchase = matter.purchase
    price = purchase["price"]
    if matter.kind not in TOLD_WITH_PRICE or price is None:
        return []
    names = {item["ticket_type_id"]: item["name"] for item in matter.show["ticket_types"]}
    lines = [
        (f"{line['quantity']} x {names.get(line['ticket_type_id'], 'Ticket')}", line["quantity"] * line["price_minor"])
        for line in purchase["lines"]
        if line["price_minor"] is not None
    ]
    if price["discount_minor"]:
        lines.append(("Discount", -price["discount_minor"]))
    if price["fees"] == "on_top" and (fees := price["platform_fee_minor"] + price["processing_fee_minor"]):
        lines.append(("Fees", fees))
    if price["tax_minor"]:
        lines.append((f"Tax{' (included)' if price['tax_inclusive'] else ''}", price["tax_minor"]))
    return [(name, money(amount, price["currency"])) for name, amount in [*lines, ("Total", price["total_minor"])]]
