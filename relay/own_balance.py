"""Book the payouts, top-ups and fees of our own Stripe balance, as its balance transactions list them."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from activities.core.loops import each_subject
from domain.payments.own_movement import OwnMovement
from relay.each import Each

OVERLAP = timedelta(days=1)  # a balance transaction may be listed late
AT_ONCE = 50  # the committer appends them together
log = logging.getLogger(__name__)


class OwnMovementsReader(Protocol):
    """Reads the balance transactions of our own account that belong to no payment."""

    async def own_movements(self, since: datetime | None) -> Sequence[OwnMovement]:
        """Return the movements made since a time, or ever."""


class OwnMovementsPoster(Protocol):
    """Posts movements to the books."""

    async def post_movement(self, movement: OwnMovement) -> bool:
        """Post a movement once; return whether it was new."""


class OwnBalance:
    """The first look after a start is at all that was ever moved."""

    def __init__(
        self,
        stripe: OwnMovementsReader,
        books: OwnMovementsPoster,
        each: Each,
        clock: Callable[[], datetime],
    ) -> None:
        self._stripe = stripe
        self._books = books
        self._each = each
        self._clock = clock
        self._seen: datetime | None = None

    async def book(self) -> int:
        """Post the movements that are not in the books yet; return how many there were.

        The next look begins here only if all of them are posted.
        """
        began = self._clock()
        found = await self._stripe.own_movements(self._seen - OVERLAP if self._seen is not None else None)
        posted = await self._each.run(self._post, found, AT_ONCE)
        if len(posted) == len(found):
            self._seen = began
        if fresh := sum(posted):
            log.info("%d movements of our own balance booked", fresh)
        return fresh

    @each_subject("book our own balance", lambda movement: movement.entry_id)
    async def _post(self, movement: OwnMovement) -> bool:
        return await self._books.post_movement(movement)
