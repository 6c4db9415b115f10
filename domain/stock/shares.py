"""Shares of a stock: how many seats one client, and all purchases without a named buyer, may hold at once."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from domain.core.errors import BuyerNameNeeded, ClientShareReached


class Holder(NamedTuple):
    """The side that asks for a hold, with its shares of the capacity in percent.

    `client_id` is the pseudonym of an address or a key; empty for holds that count for no client. The default is a
    hold that no share limits.
    """

    client_id: str = ""
    is_named: bool = True
    client_percent: int = 100
    unnamed_percent: int = 100


ANYBODY = Holder()


@dataclass(slots=True)
class SeatShares:
    """The held seats of a stock, counted by client and without a named buyer; sold seats count no more."""

    unnamed: int = 0
    by_client: Counter[str] = field(default_factory=Counter)

    def add(self, quantity: int, client_id: str, *, is_named: bool) -> None:
        """Count seats, or with a negative quantity count them no more."""
        if not is_named:
            self.unnamed += quantity
        if client_id:
            self.by_client[client_id] += quantity
            if not self.by_client[client_id]:
                del self.by_client[client_id]

    def check(self, holder: Holder, quantity: int, capacity: int) -> None:
        """Raise BuyerNameNeeded or ClientShareReached for seats beyond a share.

        One purchase of a client passes whatever its size: other rules limit that.
        """
        most = _part(capacity, holder.unnamed_percent)
        if not holder.is_named and self.unnamed + quantity > most:
            raise BuyerNameNeeded(
                f"{quantity} seats on top of the {self.unnamed} that are held without a named buyer exceed {most}",
                limit=most,
            )
        most, held = _part(capacity, holder.client_percent), self.by_client[holder.client_id]
        if held and held + quantity > most:
            raise ClientShareReached(
                f"{quantity} seats on top of the client's {held} held ones exceed its share of {most}", limit=most
            )


def _part(capacity: int, percent: int) -> int:
    """Return a share in seats, rounded up."""
    return -(-capacity * percent // 100)
