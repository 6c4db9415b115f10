"""Venue and show: ticket types, prices and sale window; nothing is sold before the group is on chain."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.catalog.changing import change_details
from domain.catalog.show import Show, TicketType
from domain.core.errors import NotChargeable, NotOnSale, UnknownSubject, WrongState
from domain.money.money import FeeRates
from domain.tickets.admission import ShowAtDoor
from tests.fakes.samples import AT, LATER, names_of, new_show, new_venue


@pytest.fixture
def show() -> Show:
    return new_show()


def test_a_venue_keeps_its_rates() -> None:
    """A new venue has the rates of its first event, and no token yet."""
    venue = new_venue()
    assert (venue.rates, venue.name, venue.mint_address) == (FeeRates(), "Hall", None)


def test_a_show_knows_its_types_and_its_size(show: Show) -> None:
    """The capacity is the sum over all types; prices are known before the sale."""
    assert show.capacity == 8
    assert show.type_of("balcony").price_minor == 2500


def test_nothing_is_sold_before_the_sale(show: Show) -> None:
    """An announced show sells nothing, and does not go on sale without its group on chain."""
    with pytest.raises(NotOnSale) as unsold:
        show.sellable("floor")
    with pytest.raises(NotOnSale) as unopened:
        show.open_sale(AT)
    assert unsold.value.data == unopened.value.data == {"show_id": show.identity}
    assert names_of(show) == []


def test_the_sale_opens_once_the_group_stands(show: Show) -> None:
    """With its group on chain every type is on sale, and opening the sale again changes nothing."""
    show.mint_token("mint", "signature", AT)
    show.open_sale(AT)
    show.open_sale(AT)
    assert names_of(show) == ["TokenMinted", "ShowWentOnSale"]
    assert show.sellable("floor").capacity == 5


def test_a_type_of_another_show_is_unknown(show: Show) -> None:
    """Before and during the sale, only the show's own types are known."""
    with pytest.raises(UnknownSubject):
        show.type_of("other")
    show.mint_token("mint", "signature", AT)
    show.open_sale(AT)
    with pytest.raises(UnknownSubject):
        show.sellable("other")


def test_a_price_can_change_and_the_same_again_is_no_change(show: Show) -> None:
    """Only the one type changes; an unknown type, or an amount that cannot be charged, is refused."""
    show.change_price("floor", 1500, AT)
    show.change_price("floor", 1500, AT)
    assert names_of(show) == ["PriceChanged"]
    assert (show.type_of("floor").price_minor, show.type_of("balcony").price_minor) == (1500, 2500)
    with pytest.raises(UnknownSubject):
        show.change_price("other", 1500, AT)
    with pytest.raises(NotChargeable):
        new_show(currency="kwd").change_price("floor", 1005, AT)


@pytest.mark.parametrize(
    ("window", "open_now"),
    [
        ((None, None), True),
        ((AT, LATER), True),
        ((AT + timedelta(microseconds=1), None), False),
        ((None, AT), False),
        ((None, AT + timedelta(microseconds=1)), True),
    ],
)
def test_a_show_is_sold_in_its_window(show: Show, window: tuple[Any, Any], *, open_now: bool) -> None:
    """The first moment is inside, the last one is not; an open end is no bound."""
    show.mint_token("mint", "signature", AT)
    show.open_sale(AT)
    show.change_window(*window, AT)
    show.change_window(*window, AT)
    assert names_of(show)[2:] == (["SaleWindowChanged"] if window != (None, None) else [])
    if open_now:
        show.check_window(AT)
        return
    with pytest.raises(NotOnSale):
        show.check_window(AT)


def test_a_window_ends_after_it_begins(show: Show) -> None:
    """A window that ends before it begins is refused and changes nothing."""
    with pytest.raises(WrongState):
        show.change_window(LATER, AT, AT)
    assert names_of(show) == []


@pytest.mark.parametrize("change", [{"price_minor": -1}, {"capacity": 0}])
def test_a_type_has_a_price_and_a_seat(change: dict[str, int]) -> None:
    """A negative price and a capacity of zero are refused."""
    with pytest.raises(ValidationError):
        TicketType.model_validate({"ticket_type_id": "t", "name": "T", "price_minor": 0, "capacity": 1, **change})


def test_a_cancelled_show_sells_nothing_any_more(show: Show) -> None:
    """A cancelled show refuses every sale, and is cancelled only once."""
    show.mint_token("mint", "signature", AT)
    show.open_sale(AT)
    show.call_off(AT)
    show.call_off(AT)
    with pytest.raises(NotOnSale):
        show.sellable("floor")
    assert names_of(show)[-1] == "ShowCalledOff"


def test_the_door_knows_the_announced_times() -> None:
    """It opens with the doors, closes with the end, and follows a new date."""
    show = new_show(ends_at=LATER, details={"doors_at": AT})
    assert show.at_door == ShowAtDoor("sh", doors_at=AT, over_at=LATER)
    change_details(show, show.details.model_copy(update={"doors_at": None}), AT)
    assert show.at_door == ShowAtDoor("sh", over_at=LATER)
    change_details(show, show.details.model_copy(update={"ends_at": None}), AT)
    assert show.at_door == ShowAtDoor("sh")


def test_the_door_closes_when_the_sale_does() -> None:
    """A show that says its start and no end is over a day after it, at the door as for the sale."""
    show = new_show(details={"starts_at": AT})
    assert show.at_door.over_at == AT + timedelta(days=1)
    with pytest.raises(NotOnSale):
        show.check_over(show.at_door.over_at)


def test_a_venue_changes_its_zone_once() -> None:
    """The same zone again is no change."""
    venue = new_venue()
    for _ in range(2):
        venue.change_zone("Europe/Vienna", AT)
    assert (names_of(venue), venue.time_zone) == (["VenueZoneChanged"], "Europe/Vienna")
