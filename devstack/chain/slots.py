"""Slots by the wall clock, and the blockhashes that are still usable."""

import hashlib
import time
from collections.abc import Callable

from solders.hash import Hash

BLOCKHASH_LIFE_SLOTS = 150


class SlotClock:
    """Counts slots from a stored anchor, so that a restart neither repeats nor loses one.

    Block height and slot are the same number here: the dev chain skips no slot.
    """

    def __init__(self, anchor_slot: int, anchor_time: float, slot_ms: int, now: Callable[[], float]) -> None:
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

    def jump(self, slots: int) -> None:
        """Skip this number of slots."""
        self._anchor_slot += slots

    def anchor(self) -> str:
        """Return the anchor to store for `restore_clock`."""
        return f"{self._anchor_slot} {self._anchor_time} {self._slot_ms}"


def restore_clock(stored: str | None, slot_ms: int, now: Callable[[], float] = time.time) -> SlotClock:
    """Continue from a stored anchor, even with another slot length; without one, begin at slot 1,000."""
    if stored is None:
        return SlotClock(1_000, now(), slot_ms, now)
    slot, anchored_at, old_slot_ms = stored.split()
    old = SlotClock(int(slot), float(anchored_at), int(old_slot_ms), now)
    return SlotClock(old.slot(), now(), slot_ms, now)


class BlockhashWindow:
    """The blockhashes that are still usable; each is computed from its slot, so none is stored."""

    def __init__(self, genesis: bytes) -> None:
        self._genesis = genesis
        self._slots: dict[Hash, int] = {}
        self._newest = -1

    def hash_of(self, slot: int) -> Hash:
        """Return the blockhash of a slot."""
        return Hash(hashlib.sha256(self._genesis + slot.to_bytes(8, "little")).digest())

    def is_usable(self, blockhash: Hash, slot: int) -> bool:
        """Return whether a transaction with this blockhash may still land in this slot."""
        self._advance(slot)
        made_in = self._slots.get(blockhash)
        return made_in is not None and slot <= last_valid_height(made_in)

    def _advance(self, slot: int) -> None:
        oldest = max(0, slot - BLOCKHASH_LIFE_SLOTS)
        for new in range(max(self._newest + 1, oldest), slot + 1):
            self._slots[self.hash_of(new)] = new
        self._newest = max(self._newest, slot)
        if len(self._slots) > 2 * BLOCKHASH_LIFE_SLOTS:
            self._slots = {known: made_in for known, made_in in self._slots.items() if made_in >= oldest}


def last_valid_height(slot: int) -> int:
    """Return the last block height at which the blockhash of `slot` is accepted."""
    return slot + BLOCKHASH_LIFE_SLOTS
