"""Slots by the wall clock, block heights without the skipped slots, and the blockhashes that are still usable."""

import hashlib
import time
from collections.abc import Callable, Sequence

from solders.hash import Hash

BLOCKHASH_LIFE_BLOCKS = 150
FIRST_SLOT = 1_000
_SKIPPED_AT_FIRST = 100  # so that nobody takes a slot for a height


class SlotClock:
    """Counts slots from a stored anchor, so that a restart neither repeats nor loses one.

    `skips` are pairs of a slot and the number of slots after it that have no block.
    """

    def __init__(
        self, anchor: tuple[int, float], slot_ms: int, now: Callable[[], float], skips: Sequence[tuple[int, int]]
    ) -> None:
        anchor_slot, anchor_time = anchor
        self.skips = list(skips)
        self._anchor_slot = anchor_slot
        self._anchor_time = anchor_time
        self._slot_ms = slot_ms
        self._now = now
        self._highest = anchor_slot

    def slot(self) -> int:
        """Return the present slot; it never decreases, even when the wall clock does."""
        passed = int((self._now() - self._anchor_time) * 1000 / self._slot_ms)
        self._highest = max(self._highest, self._anchor_slot + passed)
        return self._highest

    def height(self, slot: int) -> int:
        """Return the block height at a slot."""
        return slot - sum(min(max(slot - after, 0), count) for after, count in self.skips)

    def time_of(self, slot: int) -> float:
        """Return when a slot begins, in seconds since 1970."""
        return self._anchor_time + (slot - self._anchor_slot) * self._slot_ms / 1000

    def jump(self, slots: int) -> None:
        """Let this number of slots pass at once, each with a block."""
        self._anchor_slot += slots

    def skip(self, slots: int) -> None:
        """Let this number of slots pass at once, without a block."""
        if slots:
            self.skips.append((self.slot(), slots))
            self.jump(slots)

    def anchor(self) -> str:
        """Return the anchor to store for `restore_clock`."""
        skips = ",".join(f"{after}:{count}" for after, count in self.skips)
        return f"{self._anchor_slot} {self._anchor_time} {self._slot_ms} {skips}"


def restore_clock(stored: str | None, slot_ms: int, now: Callable[[], float] = time.time) -> SlotClock:
    """Continue from a stored anchor, even with another slot length; without one, begin at slot 1,000."""
    if stored is None:
        return SlotClock((FIRST_SLOT, now()), slot_ms, now, [(0, _SKIPPED_AT_FIRST)])
    slot, anchored_at, old_slot_ms, *skipped = stored.split()
    skips = [tuple(map(int, pair.split(":"))) for text in skipped for pair in text.split(",")]
    old = SlotClock((int(slot), float(anchored_at)), int(old_slot_ms), now, ())
    return SlotClock((old.slot(), now()), slot_ms, now, [(after, count) for after, count in skips])


class BlockhashWindow:
    """The blockhashes that are still usable; each is computed from its block height, so none is stored."""

    def __init__(self, genesis: bytes) -> None:
        self._genesis = genesis
        self._heights: dict[Hash, int] = {}
        self._newest = -1

    def hash_of(self, height: int) -> Hash:
        """Return the blockhash of a block."""
        return Hash(hashlib.sha256(self._genesis + height.to_bytes(8, "little")).digest())

    def is_usable(self, blockhash: Hash, height: int) -> bool:
        """Return whether a transaction with this blockhash may still land in a block of this height."""
        self._advance(height)
        made_in = self._heights.get(blockhash)
        return made_in is not None and height <= last_valid_height(made_in)

    def _advance(self, height: int) -> None:
        oldest = max(0, height - BLOCKHASH_LIFE_BLOCKS)
        for new in range(max(self._newest + 1, oldest), height + 1):
            self._heights[self.hash_of(new)] = new
        self._newest = max(self._newest, height)
        if len(self._heights) > 2 * BLOCKHASH_LIFE_BLOCKS:
            self._heights = {known: made_in for known, made_in in self._heights.items() if made_in >= oldest}


def last_valid_height(height: int) -> int:
    """Return the last block height at which the blockhash of the block of `height` is accepted."""
    return height + BLOCKHASH_LIFE_BLOCKS
