"""Venues: register one, read it, its balance and its statement."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal, Self

from fastapi import Depends, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import Field, StringConstraints, model_validator
from typing_extensions import TypedDict

from activities.catalog.register import RegisterVenue
from activities.core.about import About
from activities.core.commands import MintSubject
from activities.core.follow_ups import Matter
from activities.payouts.ports import VenueRef
from api.http.guard import Caller, guarded_router, needs
from api.http.manners import prefers
from api.http.problems import FORBIDDEN, INVALID_REQUEST, NOT_FOUND, Problem, may_answer, not_found
from api.http.read_your_writes import find, wait_for_position
from api.http.requests import After, Body, Deps, Key, Moment, Name, VenueId, about, digest_of, left_out
from api.ports import Dependencies
from domain.catalog.venue import ServiceAgreement
from domain.money.books import venue_payable
from domain.money.money import BPS_WHOLE, FeeRates, FeesMode
from domain.money.statement import (
    CURSOR_PATTERN,
    LINES_MAX,
    BalanceSplit,
    LineCursor,
    Statement,
    StatementQuery,
    TaxSum,
    balance_of,
    csv_of,
)
from domain.views.catalog import RatesDocument, VenueDocument, rates_document
from domain.views.payouts import AccountLine

router = guarded_router(prefix="/api/v1/venues", tags=["venues"])
FIXED_MINOR_MAX = 1_000_000
FIXED_CURRENCIES_MAX = 50
CSV, JSON = "text/csv", "application/json"
Bps = Annotated[int, Field(ge=0, le=BPS_WHOLE)]


class FixedFeesBody(Body):
    """The fixed parts of both fees per order in one currency."""

    currency: Annotated[
        str, StringConstraints(pattern=r"^[a-z]{3}$"), about("Currency, as ISO 4217 in lower case.", "eur")
    ]
    platform_minor: Annotated[
        int, Field(ge=0, le=FIXED_MINOR_MAX), about("Fixed part of the platform fee, in minor units.", 25)
    ] = 0
    processing_minor: Annotated[
        int, Field(ge=0, le=FIXED_MINOR_MAX), about("Fixed part of the processing fee, in minor units.", 30)
    ] = 0


class RatesBody(Body):
    """The fee rates of a venue; a rate that is left out is the deployment's."""

    platform_bps: Annotated[Bps | None, about("Platform fee in ten-thousandths.", 750)] = None
    processing_bps: Annotated[Bps | None, about("Processing fee in ten-thousandths.", 290)] = None
    processing_fixed_minor: Annotated[
        Annotated[int, Field(ge=0, le=FIXED_MINOR_MAX)] | None,
        about("Fixed part of the processing fee per order, in minor units of any currency; better in fixed_fees.", 30),
    ] = None
    platform_fixed_minor: Annotated[
        int | None,
        Field(ge=0, le=FIXED_MINOR_MAX, exclude_if=left_out),
        about("Fixed part of the platform fee per order, in minor units of any currency; better in fixed_fees.", 0),
    ] = None
    fees: Annotated[
        FeesMode | None,
        Field(exclude_if=left_out),
        about("Whether the buyer pays the fees on top or the venue absorbs them.", "on_top"),
    ] = None
    fixed_fees: Annotated[
        list[FixedFeesBody] | None,
        Field(min_length=1, max_length=FIXED_CURRENCIES_MAX, exclude_if=left_out),
        about(
            "Fixed parts of the fees per order, by currency: the venue then sells in these currencies only.",
            [{"currency": "eur", "platform_minor": 25, "processing_minor": 30}],
        ),
    ] = None

    @model_validator(mode="after")
    def _check_rates(self) -> Self:
        FeeRates.model_validate(self.model_dump(exclude_none=True))
        return self


class VenueBody(Body):
    """A venue to register."""

    name: Annotated[Name, about("Name of the venue.", "The Hall")]
    rates: Annotated[RatesBody, about("Fee rates of the venue; may be left out.", {"platform_bps": 500})] = RatesBody()
    country: Annotated[
        str | None,
        StringConstraints(pattern=r"^[A-Z]{2}$"),
        Field(exclude_if=left_out),
        about("Country of the venue's Stripe account, as ISO 3166; null is the deployment's.", "DE"),
    ] = None
    agreement: Annotated[
        ServiceAgreement | None,
        Field(exclude_if=left_out),
        about(
            "Stripe's service agreement: full, or recipient for a venue in a country where it only takes transfers;"
            " null is full.",
            "full",
        ),
    ] = None


class RegisteredVenue(TypedDict):
    """The registered venue and its fee rates."""

    venue_id: str
    name: str
    rates: RatesDocument


class VenueAnswer(VenueDocument):
    """A venue; `stale` is true when the answer may lack the event that was waited for."""

    stale: bool


class OnboardingStarted(TypedDict):
    """Stripe or Temporal did not answer in time; request the link again."""

    venue_id: str
    state: Literal["connecting"]
    url: None


class OnboardingStatus(TypedDict):
    """The venue's account at Stripe; `url` is a link for the venue while Stripe still asks for something."""

    venue_id: str
    state: Literal["ready", "onboarding"]
    account_id: str
    may_receive: bool
    may_pay_out: bool
    asked_for: int
    url: str | None
    settlement_currencies: list[str]


class VenueBalance(BalanceSplit):
    """A venue's money in one currency; `balance_minor` is `pending_minor` under its older name."""

    balance_minor: int


class BalanceAnswer(TypedDict):
    """A venue's money per currency, and the newest lines of the account of what it is owed."""

    venue_id: str
    account: str
    balances: list[VenueBalance]
    lines: list[AccountLine]
    stale: bool


class StatementAnswer(Statement):
    """A venue's statement; `stale` is true when the answer may lack the event that was waited for."""

    stale: bool


class TaxAnswer(TypedDict):
    """The tax of a venue's sales in a period; `stale` is true when the answer may lack the event waited for."""

    venue_id: str
    sums: list[TaxSum]
    stale: bool


class Dates:
    """A period, start included and end excluded; either may be left open."""

    def __init__(
        self,
        since: Annotated[
            Moment | None,
            Query(alias="from", description="Start of the period, included.", examples=["2026-12-01T00:00:00Z"]),
        ] = None,
        until: Annotated[
            Moment | None,
            Query(alias="to", description="End of the period, excluded.", examples=["2027-01-01T00:00:00Z"]),
        ] = None,
    ) -> None:
        """Refuse a period that ends before it begins."""
        if since is not None and until is not None and since > until:
            raise Problem(INVALID_REQUEST, "to must be later than from")
        self.query = StatementQuery(since, until)


class Period:
    """The period of a statement, start included and end excluded; either may be left open."""

    def __init__(
        self,
        dates: Annotated[Dates, Depends()],
        form: Annotated[
            Literal["json", "csv"] | None,
            Query(alias="format", description="Format, instead of the Accept header.", examples=["csv"]),
        ] = None,
        limit: Annotated[
            int, Query(ge=1, le=LINES_MAX, description="Lines of a page, in JSON.", examples=[100])
        ] = LINES_MAX,
        cursor: Annotated[
            str | None,
            Query(
                pattern=CURSOR_PATTERN,
                description="`next` of the page before, in JSON; the period stays the same.",
                examples=["1042.0.1.2000"],
            ),
        ] = None,
    ) -> None:
        """Take the page within the period."""
        self.form = form
        self.whole = dates.query
        self.page = dates.query._replace(limit=limit, after=LineCursor.parse(cursor) if cursor else None)


@router.post("", status_code=201, openapi_extra=may_answer())
@needs("manage")
async def register_venue(body: VenueBody, key: Key, deps: Deps, caller: Caller, response: Response) -> RegisteredVenue:
    """Record a venue and start its registration on chain; the same key and body again is the same venue."""
    if caller.venue_id:
        raise Problem(FORBIDDEN, "the key of one venue registers no other")
    tenant_id = caller.tenant_id
    venue_id = deps.identity.of_key("ve", caller.name, key)
    rates = _rates(body, deps)
    position = await deps.catalog.register_venue(
        RegisterVenue(
            tenant_id=tenant_id,
            venue_id=venue_id,
            name=body.name,
            rates=rates,
            body_digest=digest_of(body, key),
            country=body.country or deps.limits.venue_country,
            agreement=body.agreement or "full",
        )
    )
    subject = MintSubject(tenant_id=tenant_id, kind="venue", subject_id=venue_id)
    await deps.engine.register(subject, About(venue_id=venue_id))
    response.headers["Location"] = f"/api/v1/venues/{venue_id}?after={position}"
    return {"venue_id": venue_id, "name": body.name, "rates": rates_document(rates)}


@router.get("/{venue_id}", openapi_extra=may_answer(NOT_FOUND))
@needs("manage", "operate")
async def read_venue(venue_id: VenueId, deps: Deps, after: After = 0) -> VenueAnswer:
    """Return a venue; `mint_address` is its token group on chain, null until it is registered there."""
    stale = await wait_for_position(deps.queries, after)
    found = await find(deps.queries, deps.queries.venue, venue_id)
    if found is None:
        raise not_found("venue", venue_id)
    return {**found, "stale": stale}


@router.post(
    "/{venue_id}/onboarding",
    response_model=OnboardingStatus,
    responses={202: {"model": OnboardingStarted, "description": "No answer in time; request the link again."}},
    openapi_extra=may_answer(NOT_FOUND),
)
@needs("manage")
async def onboard_venue(venue_id: VenueId, deps: Deps, caller: Caller) -> Response:
    """Set up the venue's account at Stripe, and return a link with which the venue identifies itself to Stripe.

    A link works once and for minutes: request another when needed. 202 when Stripe or Temporal did not answer in time.
    """
    if await find(deps.queries, deps.queries.venue, venue_id) is None:
        raise not_found("venue", venue_id)
    await deps.follow_ups.open_follow_up(Matter(kind="onboarding", subject_id=venue_id, tenant_id=caller.tenant_id))
    seen = await deps.payouts.onboard(VenueRef(tenant_id=caller.tenant_id, venue_id=venue_id))
    if seen is None:
        started: OnboardingStarted = {"venue_id": venue_id, "state": "connecting", "url": None}
        return JSONResponse(started, 202)
    status: OnboardingStatus = {
        "venue_id": venue_id,
        "state": "ready" if seen.is_ready else "onboarding",
        "account_id": seen.account_id,
        "may_receive": seen.may_receive,
        "may_pay_out": seen.may_pay_out,
        "asked_for": seen.asked_for,
        "url": seen.url,
        "settlement_currencies": list(seen.settlement_currencies),
    }
    return JSONResponse(status)


@router.get("/{venue_id}/balance", openapi_extra=may_answer(NOT_FOUND))
@needs("manage")
async def read_balance(venue_id: VenueId, deps: Deps, after: After = 0) -> BalanceAnswer:
    """Return a venue's money per currency, and the newest lines of the account of what it is owed.

    `pending` is with the platform, `available` in the venue's Stripe account, `reserved` held back, `paid_out` at its
    bank or in its own till; `balance_minor` is `pending` under its older name.
    """
    stale = await wait_for_position(deps.queries, after)
    if await find(deps.queries, deps.queries.venue, venue_id) is None:
        raise not_found("venue", venue_id)
    account = venue_payable(venue_id)
    lines = await deps.queries.balance(account)
    owed = {one["currency"]: one["balance_minor"] for one in lines["balances"]}
    split = balance_of(await deps.queries.venue_sums(venue_id), venue_id)
    balances: list[VenueBalance] = [{**one, "balance_minor": owed.get(one["currency"], 0)} for one in split]
    return {
        "venue_id": venue_id,
        "account": account,
        "balances": balances,
        "lines": lines["lines"],
        "stale": stale,
    }


@router.get(
    "/{venue_id}/statement",
    response_model=StatementAnswer,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    openapi_extra=may_answer(NOT_FOUND),
)
@needs("manage")
async def read_statement(
    venue_id: VenueId, request: Request, deps: Deps, period: Annotated[Period, Depends()], after: After = 0
) -> Response:
    """Return the lines of a venue's accounts in a period, and the balances before and after the period.

    JSON has a page of them; `next` is the cursor of the next one, and all pages end where the first one saw the end.
    CSV has all lines, when the request accepts `text/csv` or has `format=csv`.
    """
    stale = await wait_for_position(deps.queries, after)
    if await find(deps.queries, deps.queries.venue, venue_id) is None:
        raise not_found("venue", venue_id)
    if period.form == "csv" or (period.form is None and prefers(request.headers.get("accept", ""), CSV, JSON)):
        name = f'attachment; filename="statement-{venue_id}.csv"'
        rows = _csv_rows(deps, period.whole, await deps.queries.statement(venue_id, period.whole))
        return StreamingResponse(rows, media_type=CSV, headers={"Content-Disposition": name})
    shown: StatementAnswer = {**await deps.queries.statement(venue_id, period.page), "stale": stale}
    return JSONResponse(shown)


@router.get("/{venue_id}/taxes", openapi_extra=may_answer(NOT_FOUND))
@needs("manage")
async def read_taxes(venue_id: VenueId, deps: Deps, dates: Annotated[Dates, Depends()], after: After = 0) -> TaxAnswer:
    """Return the tax of a venue's sales in a period, by currency and rate; the sum is what the period owes."""
    stale = await wait_for_position(deps.queries, after)
    if await find(deps.queries, deps.queries.venue, venue_id) is None:
        raise not_found("venue", venue_id)
    sums = await deps.queries.taxes(venue_id, dates.query)
    return {"venue_id": venue_id, "sums": sums, "stale": stale}


async def _csv_rows(deps: Dependencies, query: StatementQuery, page: Statement) -> AsyncIterator[str]:
    """Yield a statement as CSV, page by page: a slow client holds no connection to the database."""
    yield csv_of(page["lines"], head=True)
    while page["next"] is not None:
        query = query._replace(after=LineCursor.parse(page["next"]))
        page = await deps.queries.statement(page["venue_id"], query)
        yield csv_of(page["lines"], head=False)


def _rates(body: VenueBody, deps: Dependencies) -> FeeRates:
    return FeeRates.model_validate(deps.limits.rates.model_dump() | body.rates.model_dump(exclude_none=True))
