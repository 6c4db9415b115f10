"""Refuse without the lock: when a show is sold out, refusals do not queue behind the steps of those who bought."""

from collections.abc import Sequence

import psycopg
from eventsourcing.persistence import PersistenceError

from adapters.event_store.commit_queue import PendingDecision, Result, resolve
from adapters.event_store.decider import BatchDecider, translate_database_errors
from adapters.event_store.log import EventLog
from domain.core.errors import Refusal
from domain.core.unit_of_work import UnitOfWork


class RefuseWithoutLock:
    """Tries a batch's decisions on the log's present state, and resolves the refused ones before the lock is taken.

    Precondition: the last batch was refused as a whole, so that the trial, which the other decisions pay for twice, is
    likely to spare the lock; and the cache has a position to read on from. A refusal stores nothing, so it is as valid
    as any read. Every other decision is made again under the lock.
    """

    def __init__(self, decider: BatchDecider, log: EventLog) -> None:
        self._decider = decider
        self._log = log
        self._is_likely = False

    def observe(self, results: Sequence[Result]) -> None:
        """Note whether a batch was refused as a whole."""
        self._is_likely = all(isinstance(outcome, Refusal) for _, outcome in results)

    def resolve_refused(self, batch: Sequence[PendingDecision]) -> list[PendingDecision]:
        """Resolve the batch's refused decisions; return the others."""
        if not batch or not self._is_likely or self._decider.cache.position is None:
            return list(batch)
        try:
            with translate_database_errors(unknown=False):
                results = self._try(batch)
        except Exception:  # noqa: BLE001 - the error recurs under the lock, where it reaches its callers
            self._decider.reset()
            return list(batch)
        resolve([(decision, refusal) for decision, refusal in results if refusal is not None])
        return [decision for decision, refusal in results if refusal is None]

    def _try(self, batch: Sequence[PendingDecision]) -> list[tuple[PendingDecision, Refusal | None]]:
        uow = self._decider.open_uow(self._decider.catch_up(batch, self._log.read_without_lock))
        results = [(decision, _refusal(uow, decision)) for decision in batch]
        self._decider.cache.store(uow.aggregates().values())
        return results


class _AcceptedError(Exception):
    """Raised to roll back a decision that was accepted on trial."""


def _refusal(uow: UnitOfWork, decision: PendingDecision) -> Refusal | None:
    """Return a decision's refusal, None when it has another outcome; roll back whatever it did."""

    def tried(uow: UnitOfWork) -> None:
        decision.decide(uow)
        raise _AcceptedError

    try:
        uow.attempt(tried, decision.actor)
    except Refusal as refusal:
        return refusal
    except (PersistenceError, psycopg.Error):
        raise
    except Exception:  # noqa: BLE001 - made again under the lock, where an error reaches its caller
        return None
    raise AssertionError("unreachable: an accepted decision raises")
