"""View of a cancelled show: its terms, and exact figures of the progress of its refunds."""

from typing_extensions import TypedDict

from domain.catalog.show_cancellation import ShowCancellationState
from domain.core.timestamp import Timestamp
from domain.money.breakdown import FeesBorneBy


class CancellationDocument(TypedDict):
    """The cancellation of a show as stored."""

    show_id: str
    tenant_id: str
    state: ShowCancellationState
    fees: FeesBorneBy
    rate_per_second: float
    begun_at: Timestamp
    finished_at: Timestamp | None


class CancellationProgress(TypedDict):
    """Orders of a cancelled show by state; `residue` is the number of orders still to be refunded.

    `owed_at_till_minor` is cash that the box office has not handed out yet; the cancellation does not wait for it.
    """

    orders: int
    ended_without_sale: int
    residue: int
    refunding: int
    failed: int
    refunded_minor: int
    tokens_left: int
    refunded_in_cash_minor: int
    given_back: int
    owed_minor: int
    owed_at_till_minor: int
    sold_outside: int


class CancellationStatus(CancellationDocument):
    """The cancellation of a show and its progress."""

    progress: CancellationProgress
