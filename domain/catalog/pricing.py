"""Pricing: the present price of tickets, broken down by line; one function behind quotes, prices and orders."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from domain.catalog.discount import Discount, DiscountTerms
from domain.catalog.line import QUANTITY_MAX, Line
from domain.catalog.show import Show, TicketType
from domain.core.errors import DiscountRefused, NotChargeable
from domain.money.currency import check_charge, check_digits, step_of
from domain.money.money import FeeRates, Price, Tender, price_of


class PricedLine(BaseModel):
    """A quantity of tickets of one type: the price of one ticket, and the discount on the whole line."""

    model_config = ConfigDict(frozen=True)

    ticket_type_id: str
    quantity: int
    price_minor: int
    discount_minor: int = 0


class Quote(BaseModel):
    """A price and its lines; the discounts of the lines sum to the discount of the price."""

    model_config = ConfigDict(frozen=True)

    price: Price
    lines: tuple[PricedLine, ...]


def quote_of(
    show: Show,
    rates: FeeRates,
    lines: Sequence[Line],
    discount: Discount | None,
    at: datetime,
    tender: Tender = "card",
) -> Quote:
    """Price tickets as of this moment; raise a refusal if the amount cannot be charged.

    Cash has no processing fee; complimentary tickets are fully discounted.
    """
    priced = [
        PricedLine(price_minor=show.type_of(line.ticket_type_id).price_minor, **line.model_dump()) for line in lines
    ]
    for line in priced:
        check_digits(line.price_minor, show.currency)
    if discount is not None:
        priced = _discounted(priced, discount, step_of(show.currency), at)
    if tender == "complimentary":
        priced = [line.model_copy(update={"discount_minor": line.quantity * line.price_minor}) for line in priced]
    price = price_of(
        show.currency,
        tuple((line.quantity, line.price_minor) for line in priced),
        rates.without_processing() if tender == "cash" else rates,
        sum(line.discount_minor for line in priced),
        show.tax,
    ).model_copy(update={"tender": tender})
    check_charge(price.charge_minor, show.currency)
    return Quote(price=price, lines=tuple(priced))


def check_chargeable(show: Show, rates: FeeRates, discount: DiscountTerms | None = None) -> None:
    """Raise NotChargeable for a show of which a ticket type, or for a discount with which none, can ever be sold.

    One ticket has to cost at most the largest charge of the currency, and as many as one order may have at least the
    smallest; a ticket that costs nothing is not charged.
    """
    failures = []
    covered = [kind for kind in show.ticket_types.values() if discount is None or discount.covers(kind.ticket_type_id)]
    for kind in covered:
        try:
            _check_type(show, rates, kind, discount)
        except NotChargeable as failure:
            failures.append(failure)
    if failures and (discount is None or len(failures) == len(covered)):
        raise failures[0]


def _check_type(show: Show, rates: FeeRates, kind: TicketType, discount: DiscountTerms | None) -> None:
    most = min(kind.capacity, QUANTITY_MAX)
    smallest, largest = (_total_minor(show, rates, kind, quantity, discount) for quantity in (1, most))
    try:
        check_charge(smallest, show.currency)
    except NotChargeable as failure:
        if "least" not in failure.data:
            raise _never(kind, discount, 1, failure) from failure
    else:
        return
    try:
        check_charge(largest, show.currency)
    except NotChargeable as failure:
        if "least" in failure.data:
            raise _never(kind, discount, most, failure) from failure


def _total_minor(show: Show, rates: FeeRates, kind: TicketType, quantity: int, discount: DiscountTerms | None) -> int:
    line = (kind.ticket_type_id, quantity, kind.price_minor)
    off = sum(discount.off(discount.good_for([line]), step_of(show.currency))) if discount is not None else 0
    return price_of(show.currency, ((quantity, kind.price_minor),), rates, off, show.tax).total_minor


def _never(kind: TicketType, discount: DiscountTerms | None, quantity: int, why: NotChargeable) -> NotChargeable:
    """Return the refusal of a ticket type that can never be charged."""
    tickets = "one ticket" if quantity == 1 else f"{quantity} tickets, as many as an order may have"
    terms = "" if discount is None else " with this discount"
    return NotChargeable(f"{kind.name!r} could never be sold{terms}: {tickets}: {why}", **why.data)


def _discounted(lines: list[PricedLine], discount: Discount, step: int, at: datetime) -> list[PricedLine]:
    discount.check(at)
    if not any(discount.terms.covers(line.ticket_type_id) for line in lines):
        raise DiscountRefused("the discount code does not apply to these ticket types", reason="other-tickets")
    amounts = discount.terms.good_for([(line.ticket_type_id, line.quantity, line.price_minor) for line in lines])
    taken = discount.terms.off(amounts, step)
    return [line.model_copy(update={"discount_minor": minor}) for line, minor in zip(lines, taken, strict=True)]
