"""The buyer of a purchase: read the personal data that is kept, correct it, and erase it."""

from typing import Annotated

from typing_extensions import TypedDict

from api.http.guard import guarded_router, needs
from api.http.problems import INVALID_REQUEST, NOT_FOUND, Problem, may_answer, not_found
from api.http.read_your_writes import require
from api.http.requests import Body, Deps, Name, PurchaseId, Visible, about
from api.ports import Dependencies
from api.routes.purchases import Email
from domain.core.errors import WrongState
from domain.core.timestamp import Timestamp
from domain.orders.personal_data import KeptBuyer

router = guarded_router(prefix="/api/v1/purchases/{purchase_id}/buyer", tags=["buyers"])


class BuyerAnswer(TypedDict):
    """The personal data that a purchase named; `buyer_id` is its name in the events."""

    buyer_id: str
    kept_at: Timestamp
    name: str | None
    email: str | None
    wallet: str | None


class BuyersAnswer(TypedDict):
    """The buyers of a purchase: one, or one for each attempt after a refusal."""

    purchase_id: str
    buyers: list[BuyerAnswer]


class BuyerPatch(Body):
    """The fields to correct; a field that is left out stays, and null removes it."""

    name: Annotated[Name | None, about("Name of the buyer.", "Ann Buyer")] = None
    email: Annotated[Email | None, about("E-mail address of the buyer.", "ann@example.org")] = None
    buyer_id: Annotated[
        Annotated[str, Visible] | None,
        about("Buyer to correct, where the attempts at the purchase named several.", "bu_7t3r9e1w5q2z"),
    ] = None


class BuyersErased(TypedDict):
    """The number of buyers that were erased; 0 for a repeat."""

    purchase_id: str
    erased: int


@router.get("", openapi_extra=may_answer(NOT_FOUND))
@needs("manage")
async def export_buyer(purchase_id: PurchaseId, deps: Deps) -> BuyersAnswer:
    """Return the personal data that is kept of a purchase's buyer; not found if none was named, or it was erased."""
    kept = await _kept(purchase_id, deps)
    if not kept:
        raise not_found("buyer of purchase", purchase_id)
    return {"purchase_id": purchase_id, "buyers": [_shown(one) for one in kept]}


@router.patch("", openapi_extra=may_answer(NOT_FOUND))
@needs("manage")
async def correct_buyer(purchase_id: PurchaseId, body: BuyerPatch, deps: Deps) -> BuyerAnswer:
    """Correct the name and the e-mail address of a purchase's buyer; the audit names who did it.

    The limits of tickets go on counting the person under the new address. A wallet is changed by a claim.
    """
    kept = [one for one in await _kept(purchase_id, deps) if body.buyer_id in {None, one.buyer_id}]
    if not kept:
        raise not_found("buyer of purchase", purchase_id)
    if len(kept) > 1:
        names = ", ".join(one.buyer_id for one in kept)
        raise Problem(INVALID_REQUEST, f"the purchase named several buyers: name one of them as buyer_id: {names}")
    new = body.model_dump(include={"name", "email"} & body.model_fields_set)
    return _shown(await deps.correction.correct(purchase_id, kept[0], new))


@router.delete("", openapi_extra=may_answer(NOT_FOUND, WrongState))
@needs("manage")
async def erase_buyer(purchase_id: PurchaseId, deps: Deps) -> BuyersErased:
    """Erase the personal data of a purchase that has ended; the purchase, its money and its tickets stay as they are.

    The audit names who did it. A wallet that received a token stays visible on chain.
    """
    kept = await _kept(purchase_id, deps)
    return {"purchase_id": purchase_id, "erased": await deps.erasure.erase(kept)}


async def _kept(purchase_id: str, deps: Dependencies) -> list[KeptBuyer]:
    """Return the buyers of a purchase that exists for the caller."""
    await require("purchase", deps.queries, deps.queries.purchase, purchase_id)
    return await deps.buyers.of_purchase(purchase_id)


def _shown(kept: KeptBuyer) -> BuyerAnswer:
    name, email, wallet = kept.personal
    at = kept.kept_at.isoformat()
    return {"buyer_id": kept.buyer_id, "kept_at": at, "name": name, "email": email, "wallet": wallet}
