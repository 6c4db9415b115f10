"""Discounts of a show: create one, and read how often it is in use."""

from typing import Annotated, Self

from fastapi import Path, Response
from pydantic import Field, ValidationError, model_validator
from typing_extensions import TypedDict

from activities.catalog.prices import ChangeDiscount, CreateDiscount
from api.http.guard import Caller, guarded_router, needs
from api.http.problems import NOT_FOUND, may_answer, not_found
from api.http.read_your_writes import find, wait_for_position
from api.http.requests import CODE_PATTERN, After, Body, Code, Deps, Id, Key, Moment, ShowId, about, added, digest_of
from domain.catalog.discount import DiscountTerms, discount_id_of, spelt
from domain.core.errors import CodeTaken, NotChargeable, UnknownSubject, WrongState
from domain.money.money import BPS_WHOLE
from domain.views.catalog import DiscountDocument, DiscountFields, terms_document

router = guarded_router(prefix="/api/v1/shows/{show_id}/discounts", tags=["discounts"])
AMOUNT_MINOR_MAX = 100_000_000
LIMIT_MAX = 1_000_000
TICKETS_MAX = 1_000
TYPES_MAX = 50
CodeInPath = Annotated[str, Path(pattern=CODE_PATTERN, description="Code of the discount.", examples=["EARLY"])]


class TermsBody(Body):
    """The terms of a discount."""

    percent_bps: Annotated[
        Annotated[int, Field(ge=1, le=BPS_WHOLE)] | None,
        about("Discount in ten-thousandths; instead of amount_minor.", 1000),
    ] = None
    amount_minor: Annotated[
        Annotated[int, Field(ge=1, le=AMOUNT_MINOR_MAX)] | None,
        about("Discount per order in minor units; instead of percent_bps.", 500),
    ] = None
    ticket_type_ids: Annotated[
        list[Id],
        Field(default_factory=list, max_length=TYPES_MAX),
        about("Ticket types that it applies to; empty for all.", ["tt_1c8v5b2n9m4x"]),
    ]
    limit: Annotated[
        Annotated[int, Field(ge=1, le=LIMIT_MAX)] | None, about("Orders that may use it; null for any number.", 100)
    ] = None
    tickets_max: Annotated[
        Annotated[int, Field(ge=1, le=TICKETS_MAX)] | None,
        added("Tickets of an order that one use is good for, the cheapest that it covers; null for all.", 2),
    ] = None
    valid_from: Annotated[Moment | None, about("Start of its validity.", "2026-12-01T00:00:00+01:00")] = None
    valid_until: Annotated[
        Moment | None, about("End of its validity; not valid at this moment.", "2026-12-24T00:00:00+01:00")
    ] = None


class DiscountBody(TermsBody):
    """A percentage or an amount off an order, for all ticket types or some, always or within a period."""

    code: Annotated[Code, about("Code that buyers enter; upper and lower case are the same.", "EARLY")]

    @model_validator(mode="after")
    def _check_terms(self) -> Self:
        try:
            self.terms()
        except ValidationError as error:
            raise ValueError("; ".join(str(item["msg"]) for item in error.errors())) from None
        return self

    def terms(self) -> DiscountTerms:
        """Return the terms as the domain validates them."""
        return DiscountTerms.model_validate(self.model_dump(exclude={"code"}))


class DiscountChange(TermsBody):
    """New terms of a discount; what is not named stays. A percentage replaces an amount, and the other way."""

    stopped: Annotated[bool | None, about("Whether it is stopped; a stopped one is refused.", example=True)] = None


class DiscountChanged(TypedDict):
    """A discount that was changed; `Location` names it, with the event to wait for."""

    show_id: str
    code: str


class DiscountAnswer(DiscountDocument):
    """A discount; `stale` is true when the answer may lack the event that was waited for."""

    stale: bool


@router.post("", status_code=201, openapi_extra=may_answer(UnknownSubject, CodeTaken, NotChargeable))
@needs("manage")
async def create_discount(
    show_id: ShowId, body: DiscountBody, key: Key, deps: Deps, caller: Caller, response: Response
) -> DiscountFields:
    """Create a discount of a show; the same key and body again is the same discount."""
    tenant_id = caller.tenant_id
    terms = body.terms()
    command = CreateDiscount(
        tenant_id=tenant_id,
        show_id=show_id,
        key_id=deps.identity.of_key("dk", caller.name, key),
        body_digest=digest_of(body, f"{show_id}:{key}"),
        code=body.code,
        terms=terms,
    )
    position = await deps.prices.create_discount(command)
    code = spelt(body.code)
    response.headers["Location"] = f"/api/v1/shows/{show_id}/discounts/{code}?after={position}"
    return {"show_id": show_id, "code": code, **terms_document(terms)}


@router.get("/{code}", openapi_extra=may_answer(NOT_FOUND))
@needs("manage")
async def read_discount(show_id: ShowId, code: CodeInPath, deps: Deps, after: After = 0) -> DiscountAnswer:
    """Return a discount; `uses` counts the orders with tickets that were bought with it."""
    stale = await wait_for_position(deps.queries, after)
    found = await find(deps.queries, deps.queries.discount, discount_id_of(show_id, code))
    if found is None:
        raise not_found("discount", code)
    return {**found, "stale": stale}


@router.patch("/{code}", openapi_extra=may_answer(UnknownSubject, WrongState, NotChargeable))
@needs("manage")
async def change_discount(
    show_id: ShowId, code: CodeInPath, body: DiscountChange, deps: Deps, response: Response
) -> DiscountChanged:
    """Change the terms of a discount, stop it, or let it be used again; orders that were placed keep their price.

    A limit below the uses so far takes nothing away and allows no more.
    """
    terms = {name: getattr(body, name) for name in body.model_fields_set - {"stopped"}}
    change = ChangeDiscount(show_id=show_id, code=code, terms=terms, stopped=body.stopped)
    position = await deps.prices.change_discount(change)
    response.headers["Location"] = f"/api/v1/shows/{show_id}/discounts/{spelt(code)}?after={position}"
    return {"show_id": show_id, "code": spelt(code)}
