"""Resale: the seats of a refund go back on sale, where the show says so."""

from typing import Any

from domain.fact import Fact


class RoomMade(Fact):
    """The show's group on chain is to take so many more: the burnt tokens of this refund stay its members."""

    refund_id: str
    quantity: int

    def apply(self, aggregate: Any) -> None:
        """Add it to what the group takes, whatever the capacity becomes."""
        aggregate.room_made[self.refund_id] = self.quantity


class SeatsReturned(Fact):
    """Seats of a reservation were given back by a refund: they can be held again."""

    key: str
    quantity: int
    refund_id: str

    def apply(self, aggregate: Any) -> None:
        """Take them out of the reservation, which stays to know this refund."""
        hold = aggregate.holds[self.key]
        hold.quantity -= self.quantity
        hold.returned = (*hold.returned, self.refund_id)
        aggregate.sold -= self.quantity
