"""The box office: purchases that an operator makes, paid in cash or complimentary, and cash that goes back."""

from typing import Annotated, Literal, Self

from fastapi import Response
from pydantic import model_validator
from typing_extensions import TypedDict

from api.http.guard import Caller, guarded_router, needs
from api.http.problems import NOT_FOUND, may_answer
from api.http.requests import Deps, Key, PurchaseId, RefundId, about
from api.routes.purchases import (
    CHECKOUT_ANSWERS,
    CHECKOUT_PROBLEMS,
    Checkout,
    PurchaseBody,
    checkout_of,
    command_of,
    recorded,
)
from domain.core.errors import UnknownSubject, WrongState

router = guarded_router(prefix="/internal/purchases", tags=["internal"])


class BoxOfficeBody(PurchaseBody):
    """Tickets sold at the box office; complimentary tickets take no discount code."""

    tender: Annotated[Literal["cash", "complimentary"], about("How the tickets are paid.", "cash")]

    @model_validator(mode="after")
    def _check_discount(self) -> Self:
        if self.tender == "complimentary" and self.discount_code is not None:
            raise ValueError("complimentary tickets take no discount_code")
        return self


@router.post(
    "",
    status_code=201,
    response_model=Checkout,
    responses=CHECKOUT_ANSWERS,
    openapi_extra=CHECKOUT_PROBLEMS,
)
@needs("internal")
async def sell_at_box_office(body: BoxOfficeBody, key: Key, deps: Deps, caller: Caller) -> Response:
    """Sell tickets that are paid in cash or complimentary: the same purchase, without a payment.

    The limits per buyer and per client do not apply. Answers as `POST /api/v1/purchases` does, without a client secret.
    """
    command = command_of(body, key, deps, caller)._replace(tender=body.tender, open_purchases_max=0)
    return await checkout_of(await recorded(command, body, key, deps, counted=False), deps)


class CashHandedOut(TypedDict):
    """The cash of a refund was handed out; the refund has succeeded."""

    purchase_id: str
    refund_id: str
    state: Literal["succeeded"]


@router.post(
    "/{purchase_id}/refunds/{refund_id}/hand-out",
    openapi_extra=may_answer(NOT_FOUND, UnknownSubject, WrongState),
)
@needs("internal", "operate")
async def hand_out_cash(purchase_id: PurchaseId, refund_id: RefundId, deps: Deps, response: Response) -> CashHandedOut:
    """Say that the till has paid a refund in cash: it was `owed_at_till`, and has succeeded.

    A repeat changes nothing. The caller is recorded as the clerk who handed it out.
    """
    position = await deps.refunds.hand_out_cash(purchase_id, refund_id)
    response.headers["Location"] = f"/api/v1/purchases/{purchase_id}/refunds/{refund_id}?after={position}"
    return {"purchase_id": purchase_id, "refund_id": refund_id, "state": "succeeded"}
