"""Details of a show: its name, its times, its place, and the texts about it."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domain.core.errors import RefundTooLate, WrongState

LONGEST = timedelta(days=1)  # a show that says its start and no end is over then
ShowState = Literal["announced", "scheduled", "on-sale", "sold-out", "sale-ended", "over", "cancelled"]


class ShowDetails(BaseModel):
    """The name of a show, when and where it is, and texts about it. All but the name may be unknown.

    `time_zone` is the IANA name of the zone of its place, empty for UTC; moments are exact all the same. `contact` is
    the organiser's, for everybody to read.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    starts_at: datetime | None = None
    doors_at: datetime | None = None
    ends_at: datetime | None = None
    time_zone: str = ""
    place: str = ""
    description: str = ""
    image_url: str = ""
    contact: str = ""
    refund_until: datetime | None = None  # until then buyers may give tickets back by themselves; None: at any time

    @property
    def over_at(self) -> datetime | None:
        """The moment at which the show is over: nothing is sold from then on, and the venue's money is due.

        None for a show without a date: it is never over, and each of its sales is due by itself.
        """
        if self.ends_at is not None or self.starts_at is None:
            return self.ends_at
        return self.starts_at + LONGEST

    def check_refund(self, at: datetime) -> None:
        """Raise RefundTooLate once the buyers' own time to give tickets back is over."""
        until = self.refund_until
        if until is not None and at >= until:
            raise RefundTooLate(
                f"buyers could give tickets back until {until.isoformat()}", refund_until=until.isoformat()
            )

    def check(self) -> None:
        """Raise WrongState for times that contradict each other."""
        times = [("doors_at", self.doors_at), ("starts_at", self.starts_at), ("ends_at", self.ends_at)]
        known = [(name, at) for name, at in times if at is not None]
        for (earlier, before), (later, after) in pairwise(known):
            if before > after or (later == "ends_at" and before == after):
                raise WrongState(f"{later} must be later than {earlier}")


def state_of(
    *, called_off: bool, opened: bool, over_at: datetime | None, window: tuple[datetime | None, datetime | None],
    available: int, at: datetime,
) -> ShowState:  # fmt: skip
    """Return the state of a show at a moment, for people: the first of these that is true.

    `window` is the start and the end of the sale, `available` the seats of all types that nobody holds or has.
    """
    sale_from, sale_until = window
    if called_off:
        return "cancelled"
    if over_at is not None and at >= over_at:
        return "over"
    if not opened:
        return "announced"
    if sale_from is not None and at < sale_from:
        return "scheduled"
    if sale_until is not None and at >= sale_until:
        return "sale-ended"
    return "on-sale" if available > 0 else "sold-out"
