"""Prices: what tickets cost now, discounts, and prices that change; the one pricing function over the facts."""

from collections.abc import Sequence
from datetime import datetime

from activities.core.commands import Command
from activities.core.ports import Ledger
from domain.catalog.discount import (
    Discount,
    DiscountAsked,
    DiscountCreated,
    DiscountKey,
    DiscountTerms,
    discount_id_of,
    spelt,
)
from domain.catalog.line import Line
from domain.catalog.pricing import Quote, quote_of
from domain.catalog.show import Show
from domain.catalog.venue import Venue
from domain.core.errors import CodeTaken, DiscountRefused, KeyReused
from domain.core.unit_of_work import Desk
from domain.money.currency import check_digits
from domain.money.money import Tender


class CreateDiscount(Command):
    """A code of a show; `key_id` stands for the Idempotency-Key, `body_digest` recognises a reused one."""

    tenant_id: str
    show_id: str
    key_id: str
    body_digest: str
    code: str
    terms: DiscountTerms


class ChangeShow(Command):
    """New prices by ticket type, and the ends of the sale window that move (`sale_from`, `sale_until`)."""

    show_id: str
    prices: dict[str, int]
    window: dict[str, datetime | None]


class PriceActivities:
    """Called by the API in its own process, through the same ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def quote(self, show_id: str, lines: Sequence[Line], discount_code: str | None) -> Quote:
        """Price tickets as a purchase would at this moment; nothing is held and nothing is locked."""
        return await self._ledger.read(lambda desk: priced(desk, show_id, lines, discount_code))

    async def create_discount(self, command: CreateDiscount) -> int:
        """Record a discount; the same key and body again changes nothing. Returns the ledger's position."""
        return (await self._ledger.commit(lambda desk: _create(desk, command))).position

    async def change_show(self, command: ChangeShow) -> int:
        """Change prices and window, all or none; orders that are placed keep theirs. Returns the ledger's position."""
        return (await self._ledger.commit(lambda desk: _change(desk, command))).position


def priced(
    desk: Desk, show_id: str, lines: Sequence[Line], discount_code: str | None, tender: Tender = "card"
) -> Quote:
    """Price tickets by the facts as they stand; a quote, a calculated price and an order all come from here."""
    show = desk.get(Show, show_id)
    discount = None if discount_code is None else discount_of(desk, show_id, discount_code)
    return quote_of(show, desk.get(Venue, show.venue_id).rates, lines, discount, desk.at, tender)


def discount_of(desk: Desk, show_id: str, code: str) -> Discount:
    """Return the discount that a code stands for, or refuse the code."""
    found = desk.find(Discount, discount_id_of(show_id, code))
    if found is None:
        raise DiscountRefused("this show has no such code", reason="not-found")
    return found


def _create(desk: Desk, command: CreateDiscount) -> None:
    known = desk.find(DiscountKey, command.key_id)
    if known is not None:
        if known.body_digest != command.body_digest:
            raise KeyReused("this Idempotency-Key was used with another body")
        return
    show, terms = desk.get(Show, command.show_id), command.terms
    for ticket_type_id in terms.ticket_type_ids:
        show.type_of(ticket_type_id)
    check_digits(terms.amount_minor or 0, show.currency)
    discount_id = discount_id_of(command.show_id, command.code)
    if desk.find(Discount, discount_id) is not None:
        raise CodeTaken("the show has a discount of this code", code=spelt(command.code))
    values = {**terms.model_dump(), "ticket_type_ids": list(terms.ticket_type_ids)}
    facts = {"tenant_id": command.tenant_id, "show_id": command.show_id, "code": spelt(command.code)}
    desk.add(Discount.begin(DiscountCreated, discount_id, desk.at, terms=values, **facts))
    desk.add(DiscountKey.begin(DiscountAsked, command.key_id, desk.at, body_digest=command.body_digest))


def _change(desk: Desk, command: ChangeShow) -> None:
    show = desk.get(Show, command.show_id)
    for ticket_type_id, price_minor in command.prices.items():
        show.change_price(ticket_type_id, price_minor, desk.at)
    ends = {"sale_from": show.sale_from, "sale_until": show.sale_until, **command.window}
    show.change_window(ends["sale_from"], ends["sale_until"], desk.at)
