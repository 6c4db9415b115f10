"""The folds of show cancellations: the refunds' state, and the show's cancelled flag."""

from adapters.read_models.catalog_and_books import Fold, identity_of
from adapters.read_models.documents import CANCELLATIONS, SHOWS, DocumentBatch
from domain.catalog.show import ShowCalledOff
from domain.catalog.show_cancellation import (
    ShowCancellationBegun,
    ShowCancellationFinished,
    ShowCancellationPaused,
    ShowCancellationResumed,
)
from domain.core.aggregate import DomainEvent
from domain.views.show_cancellation import CancellationDocument


def _begun(documents: DocumentBatch, event: ShowCancellationBegun, _: int) -> None:
    show_id = identity_of(event)
    cancellation: CancellationDocument = {
        "show_id": show_id,
        "tenant_id": event.tenant_id,
        "state": "refunding",
        "fees": event.fees,
        "rate_per_second": event.rate_per_second,
        "begun_at": event.timestamp.isoformat(),
        "finished_at": None,
    }
    documents.put(CANCELLATIONS, show_id, cancellation)


def _paused(documents: DocumentBatch, event: ShowCancellationPaused, _: int) -> None:
    if cancellation := documents.edit(CANCELLATIONS, identity_of(event)):
        cancellation["state"] = "paused"


def _resumed(documents: DocumentBatch, event: ShowCancellationResumed, _: int) -> None:
    if cancellation := documents.edit(CANCELLATIONS, identity_of(event)):
        cancellation["state"], cancellation["rate_per_second"] = "refunding", event.rate_per_second


def _finished(documents: DocumentBatch, event: ShowCancellationFinished, _: int) -> None:
    if cancellation := documents.edit(CANCELLATIONS, identity_of(event)):
        cancellation["state"], cancellation["finished_at"] = "finished", event.timestamp.isoformat()


def _called_off(documents: DocumentBatch, event: ShowCalledOff, _: int) -> None:
    if show := documents.edit(SHOWS, identity_of(event)):
        show["called_off"] = True


CANCELLATION_FOLDS: dict[type[DomainEvent], Fold] = {
    ShowCancellationBegun: _begun,
    ShowCancellationPaused: _paused,
    ShowCancellationResumed: _resumed,
    ShowCancellationFinished: _finished,
    ShowCalledOff: _called_off,
}
