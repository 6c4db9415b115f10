"""The price of a compute unit: what was paid lately for our accounts, between a floor and a ceiling."""

from collections.abc import Callable, Sequence

from solders.pubkey import Pubkey

from adapters.solana.rpc.client import NodeClient
from domain.core.transient import TransientError

FRESH_SECONDS = 10.0
ACCOUNTS_MAX = 128
_QUARTERS = 3  # of four recent slots, three were cheaper
_CACHED_MAX = 1_000


class PriorityFees:
    """Asks at most every ten seconds for the same accounts; a node that does not tell costs no mint."""

    def __init__(self, client: NodeClient, floor: int, ceiling: int, now: Callable[[], float]) -> None:
        self._client = client
        self._floor = min(floor, ceiling)
        self._ceiling = ceiling
        self._now = now
        self._read: dict[tuple[Pubkey, ...], tuple[float, int]] = {}

    async def price(self, accounts: Sequence[Pubkey], before: int = 0) -> int:
        """Return the price for a transaction that writes to these accounts, in micro-lamports per unit.

        `before` is what was offered by bytes that have expired: at least twice as much is offered now.
        """
        if self._floor >= self._ceiling:
            return self._ceiling
        return min(self._ceiling, max(self._floor, await self._recent(tuple(accounts)), 2 * before))

    async def _recent(self, accounts: tuple[Pubkey, ...]) -> int:
        """Return the third quartile of the recent slots' prices; 0 where no node tells."""
        now = self._now()
        at, price = self._read.get(accounts, (-FRESH_SECONDS, 0))
        if now - at < FRESH_SECONDS:
            return price
        if len(self._read) >= _CACHED_MAX:
            self._read.clear()
        self._read[accounts] = (now, price)  # those that ask meanwhile take the price before
        try:
            found = await self._client.get_recent_prioritization_fees(list(accounts)[:ACCOUNTS_MAX])
        except TransientError:
            return price
        prices = sorted(one.prioritization_fee for one in found.value)
        price = prices[len(prices) * _QUARTERS // 4] if prices else 0
        self._read[accounts] = (now, price)
        return price
