"""The list of cells of the fault matrix, made from the registered activities and the scenes, never by hand.

A row is an activity in a scene (one path of a workflow), a column is a fault. A registered activity that no scene
reaches has rows too, which are red until a scene reaches it.
"""

import zlib
from collections.abc import Iterable
from typing import NamedTuple

from activities.core.task_queues import MINT
from activities.registry import declared_activities

UNREACHABLE = "no scene"
STEP_FAULTS = {
    "crash-before": "crash before the effect",
    "crash-after": "crash after the effect, before the answer",
    "timeout-after": "timeout after the effect",
    "late-effect": "timeout before the effect, which lands after the end",
    "cancel-before": "cancel during, before the effect",
    "cancel-after": "cancel during, after the effect",
    "duplicate": "duplicate delivery, at once",
    "refusal": "refusal",
    "outage": "long outage",
    "replaced": "worker replaced by another version",
}
CHAIN_FAULTS = {
    "chain-expired": "blockhash expired",
    "chain-dropped": "dropped",
    "chain-answer-lost": "landed but answer lost",
    "chain-twice": "submitted twice",
}
STORE_FAULTS = {
    "store-cut": "connection cut in the middle",
    "store-conflict": "serialisation conflict",
    "store-restart": "restart",
}
WEBHOOK_FAULTS = {
    "webhook-lost": "lost",
    "webhook-duplicated": "duplicated",
    "webhook-reordered": "reordered",
    "webhook-delayed": "delayed past the hold",
    "webhook-forged": "forged",
    "webhook-replayed": "replayed later",
}
FAULTS = {**STEP_FAULTS, **CHAIN_FAULTS, **STORE_FAULTS, **WEBHOOK_FAULTS}
SAMPLE = 60  # `make test` runs one cell in this many

NO_EVENT_STORE = "it appends no event"
NO_HOLD = "it appends no event: no hold is open in the only scene that reaches it"
# Activities that a fault cannot affect, with the reason; these cells do not count.
IMPOSSIBLE: dict[tuple[str, str], str] = {
    (name, fault): why
    for names, why in (
        (
            (
                "close_checkout",
                "deliver_event",
                "list_due_events",
                "list_due_letters",
                "list_due_transfers",
                "list_orders_left",
                "send_letter",
            ),
            NO_EVENT_STORE,
        ),
        (("end_open_holds",), NO_HOLD),
    )
    for name in names
    for fault in STORE_FAULTS
}


class Cell(NamedTuple):
    """A fault at an activity of a scene."""

    scene: str
    activity: str
    fault: str

    @property
    def name(self) -> str:
        return f"{self.scene}/{self.activity}/{self.fault}"

    @property
    def impossible(self) -> str | None:
        """The reason why this cell is impossible, or None."""
        return IMPOSSIBLE.get((self.activity, self.fault))

    @property
    def is_sampled(self) -> bool:
        """Whether `make test` runs it too."""
        return zlib.crc32(self.name.encode()) % SAMPLE == 0


class Row(NamedTuple):
    """A scene's row: the activities that it reaches, and whether it has webhook cells."""

    scene: str
    reaches: tuple[str, ...]
    webhooks: bool = False


def registered() -> dict[str, str]:
    """Return the task queue of every declared activity, by its stored name."""
    return {one.name: one.queues[0] for one in declared_activities()}


def cells(rows: Iterable[Row], activities: dict[str, str]) -> list[Cell]:
    """List every cell, including the impossible ones."""
    rows = list(rows)
    reached = {name for row in rows for name in row.reaches}
    orphans = tuple(sorted(set(activities) - reached))
    made = []
    stored: set[str] = set()  # faults of the event store at an activity are the same in every scene
    for row in (*rows, Row(UNREACHABLE, orphans)):
        for name in row.reaches:
            faults = [*STEP_FAULTS, *(CHAIN_FAULTS if activities.get(name) == MINT else ())]
            faults += STORE_FAULTS if name not in stored else ()
            stored.add(name)
            made += [Cell(row.scene, name, fault) for fault in faults]
        if row.webhooks:
            made += [Cell(row.scene, "webhook", fault) for fault in WEBHOOK_FAULTS]
    return made
