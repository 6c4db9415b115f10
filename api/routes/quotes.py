"""Quotes: the price of tickets, broken down, without holding them."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from typing_extensions import TypedDict

from api.http.guard import guarded_router, public
from api.http.problems import may_answer
from api.http.requests import Body, Code, Deps, Id, Quantity, about, added
from api.ports import Dependencies
from domain.catalog.discount import spelt
from domain.catalog.line import Line
from domain.core.errors import DiscountRefused, NotChargeable, UnknownSubject
from domain.money.money import Tender
from domain.views.common import PriceDocument, part_of, price_document

router = guarded_router(prefix="/api/v1/quotes", tags=["quotes"])
TICKETS_MAX = 50


class ItemBody(Body):
    """Some tickets of one type."""

    ticket_type_id: Annotated[Id, about("Ticket type of the show.", "tt_1c8v5b2n9m4x")]
    quantity: Annotated[Quantity, about("Number of tickets.", 2)]


class WantedBody(Body):
    """Tickets of one show, and a discount code."""

    show_id: Annotated[Id, about("Show to buy tickets of.", "sh_9k3m2x8r5t1w")]
    items: Annotated[
        list[ItemBody],
        Field(min_length=1, max_length=TICKETS_MAX),
        about("Tickets by type; a type may appear only once.", [{"ticket_type_id": "tt_1c8v5b2n9m4x", "quantity": 2}]),
    ]
    discount_code: Annotated[Code | None, added("Discount code; upper and lower case are the same.", "EARLY")] = None

    @model_validator(mode="after")
    def _check_items(self) -> Self:
        types = [item.ticket_type_id for item in self.items]
        if len(set(types)) != len(types):
            raise ValueError("a ticket type may appear only once")
        if sum(item.quantity for item in self.items) > TICKETS_MAX:
            raise ValueError(f"a purchase may have at most {TICKETS_MAX} tickets")
        return self

    def lines(self) -> list[Line]:
        """Return the tickets as the domain counts them."""
        return [Line(ticket_type_id=item.ticket_type_id, quantity=item.quantity) for item in self.items]


class QuotedLine(TypedDict):
    """Some tickets of one type: the price of one, and the discount of all of them."""

    ticket_type_id: str
    quantity: int
    price_minor: int
    discount_minor: int


class QuoteAnswer(TypedDict):
    """The price of some tickets at this moment."""

    show_id: str
    discount_code: str | None
    price: PriceDocument
    lines: list[QuotedLine]


QUOTE_PROBLEMS = may_answer(UnknownSubject, DiscountRefused, NotChargeable)


@router.post("", openapi_extra=QUOTE_PROBLEMS)
@public
async def quote_price(body: WantedBody, deps: Deps) -> QuoteAnswer:
    """Return the price that a purchase of these tickets would have now; nothing is held or locked."""
    return await quoted(body, deps)


async def quoted(body: WantedBody, deps: Dependencies, tender: Tender = "card") -> QuoteAnswer:
    """Price tickets with the function that prices orders."""
    found = await deps.prices.quote(body.show_id, body.lines(), body.discount_code, tender)
    return {
        "show_id": body.show_id,
        "discount_code": None if body.discount_code is None else spelt(body.discount_code),
        "price": price_document(found.price.model_dump()),
        "lines": [part_of(line, QuotedLine) for line in found.lines],
    }
