"""Whether a show sells: what refuses a purchase is what people read as the show's state."""

from datetime import datetime, timedelta
from itertools import product
from typing import cast

import pytest

from adapters.read_models.documents import SHOWS, DocumentBatch
from adapters.read_models.purchase import fold
from domain.catalog.details import ShowState
from domain.catalog.show import Show
from domain.core.aggregate import DomainEvent
from domain.core.errors import NotOnSale
from domain.views.catalog import StockedShow, state_at
from tests.fakes.samples import AT, new_show

HOUR = timedelta(hours=1)
Window = tuple[datetime | None, datetime | None]
WINDOWS: list[Window] = [
    (None, None),
    (AT - HOUR, AT + HOUR),
    (AT + HOUR, None),
    (AT + HOUR, AT + 2 * HOUR),
    (None, AT),
    (None, AT - HOUR),
]
WAYS = list(product((False, True), (False, True), (None, AT + HOUR, AT), WINDOWS))
SAYS: dict[ShowState, str] = {
    "cancelled": "the show is cancelled",
    "over": "the show was over",
    "announced": "not registered on chain yet",
    "scheduled": "the sale begins",
    "sale-ended": "the sale ended",
}


def refusal(show: Show) -> str:
    try:
        show.check_window(AT)
        show.sellable("floor")
    except NotOnSale as refused:
        return str(refused)
    return ""


def shown(show: Show) -> ShowState:
    documents = DocumentBatch(lambda _, __: None)
    for position, event in enumerate(show.collect_events(), start=1):
        fold(documents, cast("DomainEvent", event), position)
    document = documents.find(SHOWS, "sh")
    assert document is not None
    return state_at(cast("StockedShow", {**document, "ticket_types": [{"available": 1}]}), AT)


@pytest.mark.parametrize(("is_open", "is_called_off", "ends_at", "window"), WAYS)
def test_a_refusal_names_the_state_that_is_shown(
    *, is_open: bool, is_called_off: bool, ends_at: datetime | None, window: Window
) -> None:
    """One answer, also where several reasons hold."""
    show = new_show(ends_at=ends_at, sale_from=window[0], sale_until=window[1])
    if is_open:
        show.mint_token("mint", "signature", AT)
        show.open_sale(AT)
    if is_called_off:
        show.call_off(AT)
    said, state = refusal(show), shown(show)
    assert said == "" if state == "on-sale" else SAYS[state] in said, (state, said)
