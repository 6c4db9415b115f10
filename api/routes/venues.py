"""Venues: register one, read it, and read what we owe it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from activities.catalog.register import RegisterVenue
from activities.core.commands import MintSubject
from activities.payouts.ports import VenueRef
from api.http.problems import Problem, not_found
from api.http.read_your_writes import find, wait_for_position
from api.http.requests import After, Body, Deps, IdInPath, Key, Moment, Name, digest_of, left_out
from api.ports import Dependencies
from domain.core.ids import derived
from domain.money.books import venue_payable
from domain.money.money import BPS_WHOLE, FeeRates, FeesMode
from domain.money.statement import balance_of, csv_of, statement_of

router = APIRouter(prefix="/api/v1/venues", tags=["venues"])
FIXED_MINOR_MAX = 1_000_000
Bps = Annotated[int, Field(ge=0, le=BPS_WHOLE)]


class RatesBody(Body):
    """Rates of a venue's own; what is left out is the deployment's."""

    platform_bps: Bps | None = None
    processing_bps: Bps | None = None
    processing_fixed_minor: Annotated[int, Field(ge=0, le=FIXED_MINOR_MAX)] | None = None
    platform_fixed_minor: Annotated[int | None, Field(ge=0, le=FIXED_MINOR_MAX, exclude_if=left_out)] = None
    fees: Annotated[FeesMode | None, Field(exclude_if=left_out)] = None


class VenueBody(Body):
    """A venue that wants to sell."""

    name: Name
    rates: RatesBody = RatesBody()


class Period:
    """From a moment (with it) to a moment (without it); either may be left open."""

    def __init__(
        self,
        since: Annotated[Moment | None, Query(alias="from")] = None,
        until: Annotated[Moment | None, Query(alias="to")] = None,
        form: Annotated[Literal["json", "csv"] | None, Query(alias="format")] = None,
    ) -> None:
        """Refuse a period that ends before it begins."""
        if since is not None and until is not None and since > until:
            raise Problem(422, "invalid-request", "a period ends after it begins")
        self.since, self.until, self.form = since, until, form


@router.post("", status_code=201)
async def register_venue(body: VenueBody, key: Key, deps: Deps, response: Response) -> dict[str, Any]:
    """Record a venue and start its registration on chain; the same key and body again is the same venue."""
    tenant_id = deps.limits.tenant_id
    venue_id = derived("ve", tenant_id, key)
    rates = _rates(body, deps)
    position = await deps.catalog.register_venue(
        RegisterVenue(
            tenant_id=tenant_id, venue_id=venue_id, name=body.name, rates=rates, body_digest=digest_of(body, key)
        )
    )
    await deps.engine.register(MintSubject(tenant_id=tenant_id, kind="venue", subject_id=venue_id))
    response.headers["Location"] = f"/api/v1/venues/{venue_id}?after={position}"
    return {"venue_id": venue_id, "name": body.name, "rates": rates.model_dump()}


@router.get("/{venue_id}")
async def read_venue(venue_id: IdInPath, deps: Deps, after: After = 0) -> dict[str, Any]:
    """Return a venue; `mint_address` is its group on chain, once it stands there."""
    stale = await wait_for_position(deps.queries, after)
    found = await find(deps.queries, deps.queries.venue, venue_id)
    if found is None:
        raise not_found("venue", venue_id)
    return {**found, "stale": stale}


@router.post("/{venue_id}/onboarding")
async def onboard(venue_id: IdInPath, deps: Deps) -> Response:
    """Set up the venue's account at Stripe, and return a link under which the venue tells Stripe who it is.

    A link can be used once, for minutes: ask again for another. 202 when Stripe or the engine did not answer in time.
    """
    if await find(deps.queries, deps.queries.venue, venue_id) is None:
        raise not_found("venue", venue_id)
    seen = await deps.payouts.onboard(VenueRef(tenant_id=deps.limits.tenant_id, venue_id=venue_id))
    if seen is None:
        return JSONResponse({"venue_id": venue_id, "state": "connecting", "url": None}, 202)
    state = "ready" if seen.is_ready else "onboarding"
    return JSONResponse({"venue_id": venue_id, "state": state, **seen.model_dump()})


@router.get("/{venue_id}/balance")
async def read_balance(venue_id: IdInPath, deps: Deps, after: After = 0) -> dict[str, Any]:
    """Return what is a venue's, per currency, and the newest lines of what we owe it, each with its purchase.

    `pending` is with us, `available` in its Stripe account, `reserved` held back, `paid_out` at its bank or in its own
    till; `balance_minor` is what we owe it: `pending`, under its older name.
    """
    stale = await wait_for_position(deps.queries, after)
    if await find(deps.queries, deps.queries.venue, venue_id) is None:
        raise not_found("venue", venue_id)
    account = venue_payable(venue_id)
    lines = await deps.queries.balance(account)
    owed = {one["currency"]: one["balance_minor"] for one in lines["balances"]}
    split = balance_of(await deps.queries.venue_sums(venue_id), venue_id)
    balances = [{**one, "balance_minor": owed.get(one["currency"], 0)} for one in split]
    return {"venue_id": venue_id, "account": account, **lines, "balances": balances, "stale": stale}


@router.get("/{venue_id}/statement")
async def read_statement(
    venue_id: IdInPath, request: Request, deps: Deps, period: Annotated[Period, Depends()], after: After = 0
) -> Response:
    """Return every line of a venue's accounts in a period, and the balances before and after it.

    As JSON, or as CSV to who accepts `text/csv` (or asks with `format=csv`).
    """
    stale = await wait_for_position(deps.queries, after)
    if await find(deps.queries, deps.queries.venue, venue_id) is None:
        raise not_found("venue", venue_id)
    statement = statement_of(venue_id, await deps.queries.venue_lines(venue_id), period.since, period.until)
    if period.form == "csv" or (period.form is None and "text/csv" in request.headers.get("accept", "")):
        name = f'attachment; filename="statement-{venue_id}.csv"'
        return Response(csv_of(statement), media_type="text/csv", headers={"Content-Disposition": name})
    return JSONResponse({**statement, "stale": stale})


def _rates(body: VenueBody, deps: Dependencies) -> FeeRates:
    return deps.limits.rates.model_copy(update=body.rates.model_dump(exclude_none=True))
