"""Venues: register one, change it, read it and its balance."""

from typing import Annotated, Literal, Self

from fastapi import Response
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints, model_validator
from typing_extensions import TypedDict

from activities.catalog.register import ChangeVenue, RegisterVenue
from activities.core.about import About
from activities.core.commands import MintSubject
from activities.core.follow_ups import Matter
from activities.payouts.ports import VenueRef
from api.http.guard import Caller, guarded_router, needs
from api.http.problems import FORBIDDEN, NOT_FOUND, Problem, may_answer
from api.http.read_your_writes import require, wait_for_position
from api.http.requests import After, Body, Deps, Key, Name, VenueId, Zone, about, added, digest_of
from domain.catalog.venue import ServiceAgreement
from domain.core.errors import UnknownSubject
from domain.money.books import venue_payable
from domain.money.money import BPS_WHOLE, FeeRates, FeesMode
from domain.money.statement import BalanceSplit, balance_of
from domain.views.catalog import RatesDocument, VenueDocument, rates_document
from domain.views.common import part_of
from domain.views.payouts import AccountLine

router = guarded_router(prefix="/api/v1/venues", tags=["venues"])
FIXED_MINOR_MAX = 1_000_000
FIXED_CURRENCIES_MAX = 50
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
        Field(ge=0, le=FIXED_MINOR_MAX),
        added("Fixed part of the platform fee per order, in minor units of any currency; better in fixed_fees.", 0),
    ] = None
    fees: Annotated[
        FeesMode | None, added("Whether the buyer pays the fees on top or the venue absorbs them.", "on_top")
    ] = None
    fixed_fees: Annotated[
        list[FixedFeesBody] | None,
        Field(min_length=1, max_length=FIXED_CURRENCIES_MAX),
        added(
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
        added("Country of the venue's Stripe account, as ISO 3166; null is the deployment's.", "DE"),
    ] = None
    agreement: Annotated[
        ServiceAgreement | None,
        added(
            "Stripe's service agreement: full, or recipient for a venue in a country where it only takes transfers;"
            " null is full.",
            "full",
        ),
    ] = None
    time_zone: Annotated[
        Zone | None, added("IANA time zone of the venue, in which its bookkeeper gives dates.", "Europe/Berlin")
    ] = None


class VenuePatch(Body):
    """The fields of a venue that change."""

    time_zone: Annotated[
        Zone, about("IANA time zone of the venue, in which its bookkeeper gives dates.", "Europe/Berlin")
    ]


class VenueChanged(TypedDict):
    """The fields that the request changed."""

    venue_id: str
    time_zone: str


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


@router.post("", status_code=201, openapi_extra=may_answer())
@needs("manage")
async def register_venue(body: VenueBody, key: Key, deps: Deps, caller: Caller, response: Response) -> RegisteredVenue:
    """Record a venue and start its registration on chain; the same key and body again is the same venue."""
    if caller.venue_id:
        raise Problem(FORBIDDEN, "the key of one venue registers no other")
    tenant_id = caller.tenant_id
    venue_id = deps.identity.of_key("ve", caller.name, key)
    rates = FeeRates.model_validate(deps.limits.rates.model_dump() | body.rates.model_dump(exclude_none=True))
    position = await deps.catalog.register_venue(
        RegisterVenue(
            tenant_id=tenant_id,
            venue_id=venue_id,
            name=body.name,
            rates=rates,
            body_digest=digest_of(body, key),
            country=body.country or deps.limits.venue_country,
            agreement=body.agreement or "full",
            time_zone=body.time_zone or "",
        )
    )
    subject = MintSubject(tenant_id=tenant_id, kind="venue", subject_id=venue_id)
    await deps.engine.register(subject, About(venue_id=venue_id))
    response.headers["Location"] = f"/api/v1/venues/{venue_id}?after={position}"
    return {"venue_id": venue_id, "name": body.name, "rates": rates_document(rates)}


@router.patch("/{venue_id}", openapi_extra=may_answer(UnknownSubject))
@needs("manage")
async def change_venue(venue_id: VenueId, body: VenuePatch, deps: Deps, response: Response) -> VenueChanged:
    """Change the time zone of a venue: dates without an offset are read in it from now on, and nothing moves by it."""
    position = await deps.catalog.change_venue(ChangeVenue(venue_id=venue_id, time_zone=body.time_zone))
    response.headers["Location"] = f"/api/v1/venues/{venue_id}?after={position}"
    return {"venue_id": venue_id, "time_zone": body.time_zone}


@router.get("/{venue_id}", openapi_extra=may_answer(NOT_FOUND))
@needs("manage", "operate")
async def read_venue(venue_id: VenueId, deps: Deps, after: After = 0) -> VenueAnswer:
    """Return a venue; `mint_address` is its token group on chain, null until it is registered there."""
    stale = await wait_for_position(deps.queries, after)
    found = await require("venue", deps.queries, deps.queries.venue, venue_id)
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
    await require("venue", deps.queries, deps.queries.venue, venue_id)
    await deps.follow_ups.open_follow_up(Matter(kind="onboarding", subject_id=venue_id, tenant_id=caller.tenant_id))
    seen = await deps.payouts.onboard(VenueRef(tenant_id=caller.tenant_id, venue_id=venue_id))
    if seen is None:
        started: OnboardingStarted = {"venue_id": venue_id, "state": "connecting", "url": None}
        return JSONResponse(started, 202)
    state = "ready" if seen.is_ready else "onboarding"
    return JSONResponse(part_of(seen, OnboardingStatus, venue_id=venue_id, state=state))


@router.get("/{venue_id}/balance", openapi_extra=may_answer(NOT_FOUND))
@needs("manage")
async def read_balance(venue_id: VenueId, deps: Deps, after: After = 0) -> BalanceAnswer:
    """Return a venue's money per currency, and the newest lines of the account of what it is owed.

    `pending` is with the platform, `available` in the venue's Stripe account, `reserved` held back, `paid_out` at its
    bank or in its own till; `balance_minor` is `pending` under its older name.
    """
    stale = await wait_for_position(deps.queries, after)
    await require("venue", deps.queries, deps.queries.venue, venue_id)
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
