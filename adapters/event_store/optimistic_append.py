"""Optimistic append: one round trip for a batch, as long as this process is the only writer."""

import time
from collections.abc import Sequence

import psycopg

from adapters.event_store.commit_queue import PendingDecision, Result
from adapters.event_store.decider import BatchDecider, translate_database_errors
from adapters.event_store.log import EventLog, Snapshot

OPTIMISTIC_AFTER_BATCHES = 16  # a lost race costs reading again what was decided on
IDLE_SECONDS_MAX = 1.0


class OptimisticAppend:
    """Decides on the cache without reading, and appends only if the log's head has not moved since.

    Precondition: this process was the only writer for OPTIMISTIC_AFTER_BATCHES batches, so that the race is rarely
    lost, and its last batch is at most IDLE_SECONDS_MAX ago. A connection that was cut while idle must be noticed by a
    read that stores nothing, or the whole batch would not know whether it was stored.
    """

    def __init__(self, decider: BatchDecider, log: EventLog) -> None:
        self._decider = decider
        self._log = log
        self._last_batch_at = 0.0

    def try_append(self, batch: Sequence[PendingDecision]) -> list[Result] | None:
        """Return the batch's results, or None when nothing was stored and the batch must be appended under the lock."""
        cache = self._decider.cache
        if not self._is_allowed() or cache.position is None:
            return None
        absent = set(self._decider.uncached_streams(batch))  # assumed here, checked by the append
        with translate_database_errors(unknown=True):
            decided = self._decider.decide(batch, absent)
            if not decided.events:  # a refusal or a read must be true of the log's head
                cache.store(decided.aggregates)
                return None
            head = self._log.append_if_head(cache.position, list(absent), decided.events)
        if head is None:
            self._decider.batches_alone = 0
            return None
        results = self._decider.accept(batch, decided, head)
        self._save_snapshots(cache.due_snapshots(decided.aggregates))
        return results

    def _is_allowed(self) -> bool:
        now = time.monotonic()
        idle_seconds, self._last_batch_at = now - self._last_batch_at, now
        return self._decider.batches_alone >= OPTIMISTIC_AFTER_BATCHES and idle_seconds < IDLE_SECONDS_MAX

    def _save_snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        """Save snapshots of a stored batch; an error costs nothing but them, since later ones replace them."""
        if not snapshots:
            return
        try:
            self._log.save_snapshots(snapshots)
        except psycopg.Error:
            self._log.close()
