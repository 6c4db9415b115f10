"""The folds of cancelled shows: how each one is given back, and that the show is cancelled."""

from typing import Any

from adapters.read_models.catalog_and_books import Fold, identity_of
from adapters.read_models.documents import Sheets
from domain.catalog.show import ShowCalledOff
from domain.catalog.show_cancellation import (
    CancellationBegun,
    CancellationFinished,
    CancellationPaused,
    CancellationResumed,
)
from domain.core.aggregate import Fact


def _begun(sheets: Sheets, fact: CancellationBegun, _: int) -> None:
    show_id = identity_of(fact)
    document = {"show_id": show_id, "tenant_id": fact.tenant_id, "state": "refunding", "fees": fact.fees}
    moments = {"begun_at": fact.timestamp.isoformat(), "finished_at": None}
    sheets.put("cancellations", show_id, {**document, "rate_per_second": fact.rate_per_second, **moments})


def _paused(sheets: Sheets, fact: CancellationPaused, _: int) -> None:
    sheets.edit("cancellations", identity_of(fact))["state"] = "paused"


def _resumed(sheets: Sheets, fact: CancellationResumed, _: int) -> None:
    sheets.edit("cancellations", identity_of(fact)).update(state="refunding", rate_per_second=fact.rate_per_second)


def _finished(sheets: Sheets, fact: CancellationFinished, _: int) -> None:
    update: dict[str, Any] = {"state": "finished", "finished_at": fact.timestamp.isoformat()}
    sheets.edit("cancellations", identity_of(fact)).update(update)


def _called_off(sheets: Sheets, fact: ShowCalledOff, _: int) -> None:
    sheets.edit("shows", identity_of(fact))["called_off"] = True


CANCELLATION_FOLDS: dict[type[Fact], Fold] = {
    CancellationBegun: _begun,
    CancellationPaused: _paused,
    CancellationResumed: _resumed,
    CancellationFinished: _finished,
    ShowCalledOff: _called_off,
}
