"""Search attributes, summary and details under which operators find a workflow in Temporal's web UI.

A start gives them (`shown_as`), so that they cost no event of the history. A child takes over those of its parent.
"""

from typing import Any, Literal, TypedDict

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from activities.core.about import About
from domain.core.ids import order_ref_of
from domain.money.currency import shown

PURCHASE_ID = SearchAttributeKey.for_keyword("PurchaseId")
ORDER_REF = SearchAttributeKey.for_keyword("OrderRef")
SHOW_ID = SearchAttributeKey.for_keyword("ShowId")
VENUE_ID = SearchAttributeKey.for_keyword("VenueId")
AMOUNT_MINOR = SearchAttributeKey.for_int("AmountMinor")
STAGE = SearchAttributeKey.for_keyword("Stage")
NEEDS_OPERATOR = SearchAttributeKey.for_bool("NeedsOperator")
STUCK_SINCE = SearchAttributeKey.for_datetime("StuckSince")
KEYS: tuple[SearchAttributeKey[Any], ...] = (
    PURCHASE_ID,
    ORDER_REF,
    SHOW_ID,
    VENUE_ID,
    AMOUNT_MINOR,
    STAGE,
    NEEDS_OPERATOR,
    STUCK_SINCE,
)
OwnerKind = Literal["purchase", "show", "venue", "deployment"]
# Each workflow of an owner has these from its start; the amount only where it is known by then.
KEYS_OF: dict[OwnerKind, tuple[SearchAttributeKey[Any], ...]] = {
    "purchase": (PURCHASE_ID, ORDER_REF, SHOW_ID, VENUE_ID, STAGE, NEEDS_OPERATOR),
    "show": (SHOW_ID, VENUE_ID, STAGE, NEEDS_OPERATOR),
    "venue": (VENUE_ID, STAGE, NEEDS_OPERATOR),
    "deployment": (STAGE, NEEDS_OPERATOR),
}
NAME_CHARS_MAX = 40  # a summary may have 400 bytes, encrypted


class ShownAs(TypedDict):
    """How a workflow is shown, as options of its start."""

    search_attributes: TypedSearchAttributes
    static_summary: str
    static_details: str


def attributes(stage: str, about: About) -> TypedSearchAttributes:
    """Return the search attributes of a workflow at its start."""
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(STAGE, stage),
        SearchAttributePair(NEEDS_OPERATOR, value=False),
    ]
    if about.purchase_id:
        pairs.append(SearchAttributePair(PURCHASE_ID, about.purchase_id))
        pairs.append(SearchAttributePair(ORDER_REF, order_ref_of(about.purchase_id)))
    if about.show_id:
        pairs.append(SearchAttributePair(SHOW_ID, about.show_id))
    if about.venue_id:
        pairs.append(SearchAttributePair(VENUE_ID, about.venue_id))
    if about.amount_minor is not None:
        pairs.append(SearchAttributePair(AMOUNT_MINOR, about.amount_minor))
    return TypedSearchAttributes(pairs)


def shown_as(what: str, stage: str, about: About) -> ShownAs:
    """Return how a workflow is shown: `Refund K4X-7QM-DB2: 149.05 EUR, Hamlet`, and its ids."""
    return {
        "search_attributes": attributes(stage, about),
        "static_summary": _summary(what, about),
        "static_details": _details(about),
    }


def inherited(stage: str, about: About = About()) -> TypedSearchAttributes:  # noqa: B008 - immutable
    """Return the search attributes of a child: its parent's, and those that are known of the child alone."""
    own = attributes(stage, about)
    known = {pair.key.name for pair in own}
    passed_on = {PURCHASE_ID.name, ORDER_REF.name, SHOW_ID.name, VENUE_ID.name, AMOUNT_MINOR.name} - known
    parents = [pair for pair in workflow.info().typed_search_attributes if pair.key.name in passed_on]
    return TypedSearchAttributes([*own, *parents])


def _summary(what: str, about: About) -> str:
    title = f"{what} {order_ref_of(about.purchase_id)}" if about.purchase_id else what
    amount = _amount(about)
    owner = about.show_name[:NAME_CHARS_MAX] or about.show_id or about.venue_id
    rest = ", ".join(filter(None, (amount, owner)))
    return f"{title}: {rest}" if rest else title


def _details(about: About) -> str:
    lines = {
        "Amount": _amount(about),
        "Show": f"{about.show_name[:NAME_CHARS_MAX]} `{about.show_id}`" if about.show_id else "",
        "Venue": f"`{about.venue_id}`" if about.venue_id else "",
        "Purchase": f"`{about.purchase_id}`" if about.purchase_id else "",
        "Its story": f"`boxoffice purchase show {about.purchase_id}`" if about.purchase_id else "",
    }
    return "\n\n".join(f"**{name}:** {value}" for name, value in lines.items() if value)


def _amount(about: About) -> str:
    if about.amount_minor is None or not about.currency:
        return ""
    return f"{shown(about.amount_minor, about.currency)} {about.currency.upper()}"
