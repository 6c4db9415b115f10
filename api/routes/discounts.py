"""Discounts of a show: create one, and read how often it is in use."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Response
from pydantic import Field, ValidationError, model_validator

from activities.catalog.prices import CreateDiscount
from api.http.problems import not_found
from api.http.read_your_writes import find, wait_for_position
from api.http.requests import CODE_PATTERN, After, Body, Code, Deps, Id, IdInPath, Key, Moment, digest_of
from domain.catalog.discount import DiscountTerms, discount_id_of, spelt
from domain.core.ids import derived
from domain.money.money import BPS_WHOLE

router = APIRouter(prefix="/api/v1/shows/{show_id}/discounts", tags=["discounts"])
AMOUNT_MINOR_MAX = 100_000_000
LIMIT_MAX = 1_000_000
TYPES_MAX = 50
CodeInPath = Annotated[str, Path(pattern=CODE_PATTERN)]


class DiscountBody(Body):
    """A percentage or an amount off an order, of all ticket types or of some, always or for a while."""

    code: Code
    percent_bps: Annotated[int, Field(ge=1, le=BPS_WHOLE)] | None = None
    amount_minor: Annotated[int, Field(ge=1, le=AMOUNT_MINOR_MAX)] | None = None
    ticket_type_ids: list[Id] = Field(default_factory=list, max_length=TYPES_MAX)
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] | None = None
    valid_from: Moment | None = None
    valid_until: Moment | None = None

    @model_validator(mode="after")
    def _check_terms(self) -> Self:
        try:
            self.terms()
        except ValidationError as error:
            raise ValueError("; ".join(str(item["msg"]) for item in error.errors())) from None
        return self

    def terms(self) -> DiscountTerms:
        """Return what the domain decides by; it says which terms are none."""
        return DiscountTerms.model_validate(self.model_dump(exclude={"code"}))


@router.post("", status_code=201)
async def create_discount(
    show_id: IdInPath, body: DiscountBody, key: Key, deps: Deps, response: Response
) -> dict[str, Any]:
    """Create a discount of a show; the same key and body again is the same discount."""
    tenant_id = deps.limits.tenant_id
    terms = body.terms()
    command = CreateDiscount(
        tenant_id=tenant_id,
        show_id=show_id,
        key_id=derived("dk", tenant_id, key),
        body_digest=digest_of(body, f"{show_id}:{key}"),
        code=body.code,
        terms=terms,
    )
    position = await deps.prices.create_discount(command)
    code = spelt(body.code)
    response.headers["Location"] = f"/api/v1/shows/{show_id}/discounts/{code}?after={position}"
    return {"show_id": show_id, "code": code, **terms.model_dump(mode="json")}


@router.get("/{code}")
async def read_discount(show_id: IdInPath, code: CodeInPath, deps: Deps, after: After = 0) -> dict[str, Any]:
    """Return a discount; `in_use` counts the orders that use one of a limited number."""
    stale = await wait_for_position(deps.queries, after)
    found = await find(deps.queries, deps.queries.discount, discount_id_of(show_id, code))
    if found is None:
        raise not_found("discount", code)
    return {**found, "stale": stale}
