"""The folds of cancelled shows: how each one is given back, and that the show is cancelled."""

from typing import Any

from adapters.read_models.catalog_and_books import Fold, identity_of
from adapters.read_models.documents import DocumentBatch
from domain.catalog.show import ShowCalledOff
from domain.catalog.show_cancellation import (
    ShowCancellationBegun,
    ShowCancellationFinished,
    ShowCancellationPaused,
    ShowCancellationResumed,
)
from domain.core.aggregate import DomainEvent


def _begun(documents: DocumentBatch, event: ShowCancellationBegun, _: int) -> None:
    show_id = identity_of(event)
    document = {"show_id": show_id, "tenant_id": event.tenant_id, "state": "refunding", "fees": event.fees}
    moments = {"begun_at": event.timestamp.isoformat(), "finished_at": None}
    documents.put("cancellations", show_id, {**document, "rate_per_second": event.rate_per_second, **moments})


def _paused(documents: DocumentBatch, event: ShowCancellationPaused, _: int) -> None:
    documents.edit("cancellations", identity_of(event))["state"] = "paused"


def _resumed(documents: DocumentBatch, event: ShowCancellationResumed, _: int) -> None:
    documents.edit("cancellations", identity_of(event)).update(state="refunding", rate_per_second=event.rate_per_second)


def _finished(documents: DocumentBatch, event: ShowCancellationFinished, _: int) -> None:
    update: dict[str, Any] = {"state": "finished", "finished_at": event.timestamp.isoformat()}
    documents.edit("cancellations", identity_of(event)).update(update)


def _called_off(documents: DocumentBatch, event: ShowCalledOff, _: int) -> None:
    documents.edit("shows", identity_of(event))["called_off"] = True


CANCELLATION_FOLDS: dict[type[DomainEvent], Fold] = {
    ShowCancellationBegun: _begun,
    ShowCancellationPaused: _paused,
    ShowCancellationResumed: _resumed,
    ShowCancellationFinished: _finished,
    ShowCalledOff: _called_off,
}
