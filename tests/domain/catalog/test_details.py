"""Details of a show: its times, and its state at every moment."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.catalog.changing import ShowDetailsChanged, change_details, limits_of
from domain.catalog.details import LONGEST, ShowDetails, state_of
from domain.core.errors import NotOnSale, WrongState
from tests.fakes.samples import new_show

AT = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("starts", "ends", "over"),
    [(None, None, None), (AT, None, AT + LONGEST), (AT, AT + HOUR, AT + HOUR), (None, AT, AT)],
)
def test_when_a_show_is_over(starts: datetime | None, ends: datetime | None, over: datetime | None) -> None:
    """At its end; a day after its start without one; never without a date."""
    assert ShowDetails(name="n", starts_at=starts, ends_at=ends).over_at == over
    show = new_show(ends_at=ends, details={"starts_at": starts})
    if over is not None:
        show.check_over(over - timedelta(seconds=1))
        with pytest.raises(NotOnSale, match="over at"):
            show.check_over(over)


@pytest.mark.parametrize(
    ("doors", "starts", "ends"),
    [(HOUR, 0 * HOUR, None), (None, HOUR, HOUR), (2 * HOUR, None, HOUR), (HOUR, None, HOUR)],
)
def test_times_that_contradict_each_other(
    doors: timedelta | None, starts: timedelta | None, ends: timedelta | None
) -> None:
    """A show ends after it begins, and begins when its doors are open."""
    moments = [None if after is None else AT + after for after in (doors, starts, ends)]
    with pytest.raises(WrongState, match="later than"):
        ShowDetails(name="n", doors_at=moments[0], starts_at=moments[1], ends_at=moments[2]).check()
    ShowDetails(name="n", doors_at=AT, starts_at=AT, ends_at=AT + HOUR).check()


def test_an_event_has_all_details() -> None:
    """The name is the show's too; a show of before has only its name and its end."""
    show = new_show(ends_at=AT)
    assert show.details == ShowDetails(name=show.name, ends_at=AT)
    change_details(show, show.details, AT)
    assert len(show.collect_events()) == 1
    change_details(show, show.details.model_copy(update={"name": "Other", "place": "Hall"}), AT)
    (event,) = show.collect_events()
    assert isinstance(event, ShowDetailsChanged)
    assert (show.name, show.ends_at, show.details.place, limits_of(show)) == (
        "Other",
        AT,
        "Hall",
        limits_of(new_show()),
    )


@pytest.mark.parametrize("called_off", [True, False])
@pytest.mark.parametrize("is_over", [True, False])
@pytest.mark.parametrize("opened", [True, False])
@pytest.mark.parametrize("available", [0, 1])
def test_a_state_is_one_word(called_off: bool, is_over: bool, opened: bool, available: int) -> None:  # noqa: FBT001
    """The first that is true: cancelled, over, announced, then what the sale is."""
    state = state_of(
        called_off=called_off,
        opened=opened,
        over_at=AT if is_over else None,
        window=(None, None),
        available=available,
        at=AT,
    )
    sold = "on-sale" if available else "sold-out"
    assert state == ("cancelled" if called_off else "over" if is_over else sold if opened else "announced")
