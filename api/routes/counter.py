"""The counter: the price of a tender, the till's balance, and outside reservations that are given back."""

from typing import Annotated

from typing_extensions import TypedDict

from activities.sales.ticket_api_holds import ReservationView
from api.http.guard import guarded_router, needs
from api.http.problems import NOT_FOUND, may_answer
from api.http.read_your_writes import require, wait_for_position
from api.http.requests import After, Body, Deps, Id, VenueId, about
from api.routes.quotes import QUOTE_PROBLEMS, QuoteAnswer, WantedBody, quoted
from domain.core.errors import AlreadyEntered, NotOurHold, WrongState
from domain.money.books import cash_till
from domain.money.money import Tender

router = guarded_router(prefix="/internal/counter", tags=["internal"])


class CounterQuoteBody(WantedBody):
    """Tickets of one show, and how they are paid."""

    tender: Annotated[Tender, about("How the tickets are paid: card, cash or complimentary.", "cash")]


class TillBalance(TypedDict):
    """The cash that a till should hold in one currency; negative when more went out than came in."""

    currency: str
    cash_minor: int


class TillAnswer(TypedDict):
    """The expected cash of a venue's till; `stale` is true when the answer may lack the event that was waited for."""

    venue_id: str
    balances: list[TillBalance]
    stale: bool


class GiveBackBody(Body):
    """A confirmed reservation of the ticket API."""

    reservation_id: Annotated[Id, about("Id of the reservation.", "re_3t8w1y6u4o2p")]


@router.post("/quotes", openapi_extra=QUOTE_PROBLEMS)
@needs("internal")
async def quote_at_counter(body: CounterQuoteBody, deps: Deps) -> QuoteAnswer:
    """Return the price of tickets for a tender: cash has no processing fee, complimentary tickets cost nothing."""
    return await quoted(body, deps, body.tender)


@router.get("/tills/{venue_id}", openapi_extra=may_answer(NOT_FOUND))
@needs("internal", "manage")
async def read_till(venue_id: VenueId, deps: Deps, after: After = 0) -> TillAnswer:
    """Return the cash that a venue's till should hold: sales in cash less refunds that were handed out."""
    stale = await wait_for_position(deps.queries, after)
    await require("venue", deps.queries, deps.queries.venue, venue_id)
    found = (await deps.queries.balance(cash_till(venue_id)))["balances"]
    # An asset: what came in was debited.
    balances: list[TillBalance] = [{"currency": one["currency"], "cash_minor": -one["balance_minor"]} for one in found]
    return {"venue_id": venue_id, "balances": balances, "stale": stale}


@router.post("/give-back", openapi_extra=may_answer(NotOurHold, AlreadyEntered, WrongState))
@needs("internal")
async def give_back_reservation(body: GiveBackBody, deps: Deps) -> ReservationView:
    """Give back a confirmed reservation: its tickets are void, and its seats on sale again; a repeat changes nothing.

    Its money was paid outside and goes back there.
    """
    return await deps.holds.give_back(body.reservation_id)
