"""Each kind of letter, word for word; HTML that escapes; tickets as PDF; links for orders of the shop alone."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from adapters.privacy.letters.smtp import message_of
from adapters.privacy.letters.words import moment
from adapters.privacy.letters.writer import ShopLinks, TemplateWriter, one_line
from adapters.privacy.ticket_qr import drawn
from domain.money.currency import money
from domain.views.outgoing.letters import LETTER_OF, CodedTicket, Letter, LetterMatter, is_in_time
from tests.fakes.letter_box import IDENTITY, LINKS

GOLDEN = Path(__file__).parent / "golden"
AT = "2026-03-01T19:00:00+00:00"
PURCHASE_ID = "pu_hp5dkdmh7aaaaaaaaaaaaaaaaa"
REFUND = {"refund_id": "rf_1", "amount_minor": 4_968, "currency": "eur", "ticket_ids": ["ti_1"]}
DETAILS = {
    "name": "Night",
    "starts_at": "2026-12-31T19:00:00+00:00",
    "doors_at": "2026-12-31T18:00:00+00:00",
    "ends_at": None,
    "time_zone": "Europe/Berlin",
    "place": "The Blue Hall",
    "refund_until": None,
}
DATA: dict[str, dict[str, Any]] = {
    "order.confirmed": {},
    "order.cancelled": {"reason": "hold-expired"},
    "refund.succeeded": {**REFUND, "paid_by": "card"},
    "refund.failed": {**REFUND, "failure": "expired_or_canceled_card"},
    "refund.owed_at_till": REFUND,
    "show.details_changed": {**DETAILS, "starts_at": "2027-01-07T18:30:00+00:00", "place": "Opera"},
    "show.cancelled": {},
}
CODES = (CodedTicket("ti_1", "Stalls", "BX1.k1.AAAA"), CodedTicket("ti_2", "Balcony", "BX1.k1.BBBB"))


def matter(kind: str, before: dict[str, Any] | None = None, **show: Any) -> LetterMatter:
    """Return an order of two tickets, its show, and an event of a kind."""
    price = {"currency": "eur", "subtotal_minor": 9_000, "discount_minor": 500, "platform_fee_minor": 638,
             "processing_fee_minor": 298, "total_minor": 9_436, "fees": "on_top", "tax_minor": 556, "tax_bps": 700,
             "tax_inclusive": True, "tender": "card"}  # fmt: skip
    tickets = [{"ticket_id": name, "ticket_type_id": kind_, "state": "issued", "blocked": False}
               for name, kind_ in (("ti_1", "tt_1"), ("ti_2", "tt_2"))]  # fmt: skip
    lines = [{"ticket_type_id": name, "quantity": 1, "price_minor": 4_500, "discount_minor": 250}
             for name in ("tt_1", "tt_2")]  # fmt: skip
    purchase: Any = {"purchase_id": PURCHASE_ID, "tenant_id": "default", "state": "fulfilled", "show_id": "sh_1",
                     "price": price, "lines": lines, "tickets": tickets, "payment": None,
                     "refunds": [], "disputes": []}  # fmt: skip
    types = [{"ticket_type_id": "tt_1", "name": "Stalls"}, {"ticket_type_id": "tt_2", "name": "Balcony"}]
    held: Any = {"show_id": "sh_1", **DETAILS, "ticket_types": types, "contact": "hello@bluehall.example",
                 "called_off": False, **show}  # fmt: skip
    event: Any = {"id": f"ev_{kind}", "type": kind, "timestamp": AT, "position": 7, "data": DATA[kind]}
    told: Any = {"type": "show.announced", "data": DETAILS if before is None else before}
    return LetterMatter(event, purchase, held, told if kind == "show.details_changed" else None)


def written(kind: str, *, is_again: bool = False, links: ShopLinks = LINKS, **show: Any) -> Letter:
    codes = CODES if kind == "order.confirmed" else ()
    return TemplateWriter(links).write_letter(matter(kind, **show), codes, is_again=is_again)


def text_in(html: str) -> str:
    """Return the words of an HTML page."""
    body = re.sub(r"<(style|title).*?</\1>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.mark.parametrize("kind", LETTER_OF)
def test_each_letter_word_for_word(kind: str) -> None:
    """Subject and text; the HTML says the same sentences and about. A changed golden file is a changed letter."""
    letter = written(kind)
    file = GOLDEN / f"{LETTER_OF[kind]}.txt"
    assert f"Subject: {letter.subject}\n\n{letter.text}" == file.read_text()
    shown = text_in(letter.html)
    about = ["Night", "HP5-DKD-MH7", *re.findall(r"\d+\.\d\d EUR", letter.text)]
    sentences = [line for line in letter.text.splitlines() if line.endswith((".", "?")) and not line.startswith("   ")]
    assert [one for one in (*about, *sentences) if " ".join(one.split()) not in shown] == []
    assert (letter.at.isoformat(), letter.message_id) == (AT, written(kind).message_id)


CAPTURED = {"captured_minor": 9_436, "owed_minor": 0, "refunded_minor": 0}
STRAY = {"refund_id": "rf_2", "intent_id": "pi_stray", "state": "succeeded"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"payment": CAPTURED | {"captured_minor": 0}}, "Nothing was charged."),
        ({"payment": CAPTURED}, "What you paid is given back."),
        ({"refunds": [STRAY]}, "What you paid is given back."),
    ],
)
def test_the_end_of_an_order_says_what_was_charged(fields: dict[str, Any], words: str) -> None:
    """By its payments, those among them that somebody gave back long before."""
    ended = matter("order.cancelled")
    ended.purchase.update(fields)  # type: ignore[typeddict-item]
    assert words in TemplateWriter(LINKS).write_letter(ended, (), is_again=False).text


def test_a_free_order_that_comes_back_has_no_money() -> None:
    """Nobody paid for it."""
    refund = matter("refund.succeeded")
    refund.event["data"] = {**refund.event["data"], "amount_minor": 0}
    letter = TemplateWriter(LINKS).write_letter(refund, (), is_again=False)
    assert "EUR to the card" not in letter.text
    assert "Your tickets were given back" in letter.subject
    assert "no longer valid" in letter.text


def test_a_letter_that_may_come_twice_says_so() -> None:
    """Under the same id, in both forms."""
    again = written("show.cancelled", is_again=True)
    assert again.message_id == written("show.cancelled").message_id
    assert "You may have this letter twice" in again.text
    assert "You may have this letter twice" in again.html


def test_every_word_of_a_stranger_is_escaped() -> None:
    """A show's name is no HTML, and no header."""
    evil = "<img src=x onerror=alert(1)>\r\nBcc: eve@example.org"
    letter = written("order.confirmed", name=evil, place="<script>")
    assert "<img src=x" not in letter.html
    assert "<script>" not in letter.html
    assert "&lt;script&gt;" in letter.html
    assert "<script>" in letter.text  # plain text is not escaped
    message = message_of(letter, "tickets@boxoffice.example", "ann@example.org")
    assert message["Bcc"] is None
    assert one_line("a\r\n\tb\x00c") == "a b c"


def test_the_link_is_for_orders_of_the_shop() -> None:
    """It has the purchase's token, and nothing about a person; another tenant's order has no page here."""
    token = IDENTITY.purchase_token(PURCHASE_ID)
    assert f"https://tickets.example/orders/{PURCHASE_ID}?token={token}" in written("order.confirmed").text
    for tenant in ("", "other"):
        letter = written("order.confirmed", links=LINKS._replace(tenant_id=tenant))
        assert "/orders/" not in letter.text + letter.html


def test_tickets_are_in_the_html_and_in_a_pdf() -> None:
    """Each code is drawn once for the HTML; the PDF has a page for each ticket, which names it."""
    letter = written("order.confirmed")
    *codes, pdf = letter.attachments
    assert [code.content for code in codes] == [drawn(one.code, "png") for one in CODES]
    assert all(f"cid:{code.content_id}" in letter.html for code in codes)
    assert pdf.name == "tickets-HP5-DKD-MH7.pdf"
    document = pypdfium2.PdfDocument(pdf.content)
    pages = [page.get_textpage().get_text_bounded() for page in document]
    assert len(pages) == 2
    for number, (page, code) in enumerate(zip(pages, CODES, strict=True), start=1):
        for words in (f"Ticket {number} of 2", "Night", "The Blue Hall", "20:00", code.type_name, code.code):
            assert words in page
    document.close()


def test_names_beyond_latin_are_printed() -> None:
    """Greek and Cyrillic are; letters that the font lacks do not break a letter."""
    pdf = written("order.confirmed", name="Ночь Ω Zażółć 夜").attachments[-1]
    document = pypdfium2.PdfDocument(pdf.content)
    assert "Ночь Ω Zażółć" in document[0].get_textpage().get_text_bounded()
    document.close()


def test_amounts_and_times_are_those_of_the_place() -> None:
    """With the currency's decimals, and the wall clock of the show's zone."""
    assert [money(2_500, one) for one in ("eur", "jpy", "kwd")] == ["25.00 EUR", "2500 JPY", "2.500 KWD"]
    assert moment("2026-07-01T23:30:00+00:00", "Europe/Berlin") == "Thu 2 July 2026, 01:30 (Europe/Berlin)"
    assert moment("2026-07-01T23:30:00+00:00", "") == "Wed 1 July 2026, 23:30 (UTC)"


def test_a_changed_zone_changes_its_times() -> None:
    """The same moment is another hour on the clock."""
    before = {**DETAILS, **DATA["show.details_changed"], "time_zone": "Europe/London"}
    letter = TemplateWriter(LINKS).write_letter(matter("show.details_changed", before), (), is_again=False)
    assert "Begins: Thu 7 January 2027, 19:30 (Europe/Berlin) (before: Thu 7 January 2027, 18:30 (Europe/London))" in (
        letter.text
    )


def test_a_change_says_until_when_tickets_can_be_given_back() -> None:
    """On the show's clocks; also where nothing else changed, and where the end of that time is taken away."""
    new = DATA["show.details_changed"]
    window = {**new, "refund_until": "2027-01-03T23:00:00+00:00"}
    told, closed = (
        TemplateWriter(LINKS).write_letter(one._replace(event={**one.event, "data": data}), (), is_again=False).text
        for one, data in ((matter("show.details_changed", new), window), (matter("show.details_changed", window), new))
    )
    assert "you can give them back until Mon 4 January 2027, 00:00 (Europe/Berlin)." in told
    assert "You can give them back at any time." in closed
    assert "give them back" not in written("show.details_changed").text


def test_what_is_no_longer_true_is_not_sent() -> None:
    """Tickets that were given back, an order that was sold after all, a change of nothing that a buyer hears of."""
    sold = matter("order.confirmed")
    assert is_in_time(sold)
    sold.purchase["tickets"] = []
    ended = matter("order.cancelled")
    assert not is_in_time(sold)
    assert not is_in_time(ended)
    ended.purchase["state"] = "cancelled"
    assert is_in_time(ended)
    assert is_in_time(matter("show.details_changed"))
    assert is_in_time(matter("refund.succeeded"))
    assert not is_in_time(matter("show.details_changed", called_off=True))
    assert not is_in_time(matter("show.details_changed", {**DETAILS, **DATA["show.details_changed"]}))
