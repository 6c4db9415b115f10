"""Due transfers of venues, folded in memory: the answers of `StalledWorkQueries`."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from adapters.read_models.documents import ACCOUNTS, PAYEES, PURCHASES, SHOWS
from domain.money.money import Price
from domain.payouts.connected_account import DueQuery
from tests.fakes.event_store import FakeEventStore
from tests.fakes.recomputed import folded


class DueInMemory:
    """Folds all events again at each query."""

    def __init__(self, store: FakeEventStore) -> None:
        self._store = store

    async def due_transfers(self, due: DueQuery) -> list[tuple[str, str, int]]:
        """Return (tenant, purchase, attempt) of orders with a due share not yet sent, ordered by id."""
        documents = folded(enumerate(self._store.log, start=1))
        before = due.now - timedelta(seconds=due.delay_seconds)
        found: list[dict[str, Any]] = []
        for kind, identity, document in documents.changed():
            if (
                kind != PURCHASES.name
                or document["state"] != "fulfilled"
                or not (document["payment"] or {}).get("charge_id")
            ):
                continue
            show, payee = documents.find(SHOWS, document["show_id"]), documents.find(PAYEES, document["venue_id"])
            over = (show and show["over_at"]) or document["confirmed_at"]
            sent = (document.get("transfer") or {}).get("state") == "made"
            if payee and payee["may_receive"] and not sent and datetime.fromisoformat(over) <= before:
                found.append({**document, "id": identity})
        sums: Counter[tuple[str, str]] = Counter()
        for one in found:
            sums[one["venue_id"], one["price"]["currency"]] += Price.model_validate(one["price"]).venue_share_minor
        listed = [
            (one["tenant_id"], one["id"], one["attempt"])
            for one in sorted(found, key=lambda one: str(one["id"]))
            if sums[one["venue_id"], one["price"]["currency"]] >= due.minimum_minor and one["id"] > due.after
        ]
        return listed[: due.limit]

    async def venue_of(self, account_id: str) -> tuple[str, str] | None:
        """Return (tenant, venue) of a connected account."""
        found = folded(enumerate(self._store.log, start=1)).find(ACCOUNTS, account_id)
        return (found["tenant_id"], found["venue_id"]) if found else None
