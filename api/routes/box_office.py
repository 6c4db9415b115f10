"""The box office: purchases without a card, made by an operator: paid in cash, or complimentary."""

from typing import Literal, Self

from fastapi import APIRouter, Depends, Response
from pydantic import model_validator

from api.http.requests import Deps, Key
from api.routes.purchases import PurchaseBody, checkout_of, command_of, recorded
from api.routes.ticket_api import authorised

router = APIRouter(prefix="/internal/purchases", tags=["internal"], dependencies=[Depends(authorised)])


class BoxOfficeBody(PurchaseBody):
    """What is sold at the box office; a complimentary ticket has no discount besides."""

    tender: Literal["cash", "complimentary"]

    @model_validator(mode="after")
    def _check_discount(self) -> Self:
        if self.tender == "complimentary" and self.discount_code is not None:
            raise ValueError("a complimentary ticket has no discount")
        return self


@router.post("", status_code=201)
async def sell(body: BoxOfficeBody, key: Key, deps: Deps) -> Response:
    """Sell tickets whose money is in the till already, or that cost nothing: the same purchase without a payment.

    The limits of one buyer do not count here. Answers as `POST /api/v1/purchases` does, without a client secret.
    """
    command = command_of(body, key, deps)._replace(tender=body.tender, allowance_id="", open_purchases_max=0)
    return await checkout_of(await recorded(command, body.buyer, deps), deps)
