"""Prices: quotes, discounts, price changes, and the one pricing function over the events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from activities.core.commands import Command
from activities.core.ports import EventStore
from domain.catalog.changing import change_details, change_limits, limits_of
from domain.catalog.details import ShowDetails
from domain.catalog.discount import (
    Discount,
    DiscountCreated,
    DiscountKey,
    DiscountKeyUsed,
    DiscountTerms,
    discount_id_of,
    plain_terms,
    spelt,
)
from domain.catalog.line import Line
from domain.catalog.pricing import Quote, check_chargeable, quote_of
from domain.catalog.show import Show
from domain.catalog.venue import Venue
from domain.core.errors import CodeTaken, DiscountRefused, KeyReused, UnknownSubject
from domain.core.unit_of_work import UnitOfWork
from domain.money.currency import check_digits
from domain.money.money import Tender


class CreateDiscount(Command):
    """A discount of a show; `key_id` is derived from the Idempotency-Key, `body_digest` recognises a reused key."""

    tenant_id: str
    show_id: str
    key_id: str
    body_digest: str
    code: str
    terms: DiscountTerms


class ChangeDiscount(Command):
    """New terms of a discount, those that are named, and whether it is stopped (None: as it is)."""

    show_id: str
    code: str
    terms: dict[str, object]
    stopped: bool | None = None


class ChangeShow(Command):
    """New prices by ticket type, new ends of the sale window (`sale_from`, `sale_until`), new details and limits.

    `details` has fields of `ShowDetails`, `limits` of `ShowLimits`; those that are left out stay.
    """

    show_id: str
    prices: dict[str, int]
    window: dict[str, datetime | None]
    details: dict[str, datetime | str | None] = Field(default_factory=dict)
    limits: dict[str, Any] = Field(default_factory=dict)


class PriceCommands:
    """Command handlers of prices and discounts, called by the API in its own process."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def quote(
        self, show_id: str, lines: Sequence[Line], discount_code: str | None, tender: Tender = "card"
    ) -> Quote:
        """Price tickets as a purchase would now; hold nothing and lock nothing."""
        return await self._store.read(lambda uow: priced(uow, show_id, lines, discount_code, tender))

    async def create_discount(self, command: CreateDiscount) -> int:
        """Record a discount; return the event store's position. Idempotent for the same key and body."""
        return (await self._store.commit(lambda uow: _create(uow, command))).position

    async def change_discount(self, command: ChangeDiscount) -> int:
        """Change the terms of a discount, stop it or let it be used again; return the event store's position.

        Placed orders keep their price. Raise WrongState for terms that contradict each other.
        """
        return (await self._store.commit(lambda uow: _change_discount(uow, command))).position

    async def change_show(self, command: ChangeShow) -> int:
        """Change prices and window, all or none; placed orders keep theirs. Return the store's position."""
        return (await self._store.commit(lambda uow: _change(uow, command))).position


def priced(
    uow: UnitOfWork, show_id: str, lines: Sequence[Line], discount_code: str | None, tender: Tender = "card"
) -> Quote:
    """Price tickets from the events; quotes, calculated prices and orders all use this function."""
    show = uow.get(Show, show_id)
    discount = None if discount_code is None else discount_of(uow, show_id, discount_code)
    return quote_of(show, uow.get(Venue, show.venue_id).rates, lines, discount, uow.at, tender)


def discount_of(uow: UnitOfWork, show_id: str, code: str) -> Discount:
    """Return the discount with this code, or refuse the code."""
    found = uow.find(Discount, discount_id_of(show_id, code))
    if found is None:
        raise DiscountRefused("the show has no such discount code", reason="not-found")
    return found


def _create(uow: UnitOfWork, command: CreateDiscount) -> None:
    known = uow.find(DiscountKey, command.key_id)
    if known is not None:
        if known.body_digest != command.body_digest:
            raise KeyReused("this Idempotency-Key was used with a different body")
        return
    terms = command.terms
    _check_terms(uow, command.show_id, terms)
    discount_id = discount_id_of(command.show_id, command.code)
    if uow.find(Discount, discount_id) is not None:
        raise CodeTaken("the show already has a discount with this code", code=spelt(command.code))
    events = {"tenant_id": command.tenant_id, "show_id": command.show_id, "code": spelt(command.code)}
    uow.add(Discount.begin(DiscountCreated, discount_id, uow.at, terms=plain_terms(terms), **events))
    uow.add(DiscountKey.begin(DiscountKeyUsed, command.key_id, uow.at, body_digest=command.body_digest))


def _check_terms(uow: UnitOfWork, show_id: str, terms: DiscountTerms) -> None:
    """Refuse terms that name a ticket type of another show, or with which nothing could be charged."""
    show = uow.get(Show, show_id)
    for ticket_type_id in terms.ticket_type_ids:
        show.type_of(ticket_type_id)
    check_digits(terms.amount_minor or 0, show.currency)
    check_chargeable(show, uow.get(Venue, show.venue_id).rates, terms)


def _change_discount(uow: UnitOfWork, command: ChangeDiscount) -> None:
    uow.get(Show, command.show_id)
    discount = uow.find(Discount, discount_id_of(command.show_id, command.code))
    if discount is None:
        raise UnknownSubject(f"the show has no discount {command.code}", code=command.code)
    if command.terms:
        terms = discount.terms.changed(command.terms)
        _check_terms(uow, command.show_id, terms)
        discount.change_terms(terms, uow.at)
    if command.stopped is not None:
        discount.stop(uow.at, stopped=command.stopped)


def _change(uow: UnitOfWork, command: ChangeShow) -> None:
    show = uow.get(Show, command.show_id)
    for ticket_type_id, price_minor in command.prices.items():
        show.change_price(ticket_type_id, price_minor, uow.at)
    if command.prices:
        check_chargeable(show, uow.get(Venue, show.venue_id).rates)
    ends = {"sale_from": show.sale_from, "sale_until": show.sale_until, **command.window}
    show.change_window(ends["sale_from"], ends["sale_until"], uow.at)
    change_details(show, ShowDetails.model_validate({**show.details.model_dump(), **command.details}), uow.at)
    change_limits(show, limits_of(show)._replace(**command.limits), uow.at)
