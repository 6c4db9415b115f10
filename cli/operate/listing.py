"""Workflows as operators list them: by their search attributes, the largest amounts first."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.converter import decode_typed_search_attributes

from adapters.postgres.connections import open_pool
from adapters.read_models.queries import ReadModels
from domain.money.currency import money

CALL_TIME = timedelta(seconds=10)
RUNNING = 'ExecutionStatus = "Running"'
NEEDS_OPERATOR = "NeedsOperator = true"
TEXTS = ("OrderRef", "PurchaseId", "ShowId", "VenueId", "Stage")


class Listed(NamedTuple):
    """A workflow and what its search attributes say of it."""

    workflow_id: str
    kind: str
    order_ref: str
    purchase_id: str
    show_id: str
    venue_id: str
    stage: str
    amount_minor: int | None
    needs_operator: bool
    stuck_since: datetime | None
    currency: str | None = None

    @property
    def amount(self) -> str:
        """Return its amount as people read it; in minor units where no read model has its currency yet."""
        return "" if self.amount_minor is None else money(self.amount_minor, self.currency)

    def document(self) -> dict[str, Any]:
        """Return it as a document of `--json`."""
        since = self.stuck_since.isoformat() if self.stuck_since else None
        return {**self._asdict(), "stuck_since": since}


async def list_running(client: Client, query: str, limit: int) -> list[Listed]:
    """Return running workflows that a query finds: the largest amounts first, then those that are stuck longest."""
    request = ListWorkflowExecutionsRequest(
        namespace=client.namespace, query=f"({query}) AND {RUNNING}" if query else RUNNING, page_size=limit
    )
    answer = await client.workflow_service.list_workflow_executions(request, timeout=CALL_TIME)
    found = [_listed(one) for one in answer.executions]
    return sorted(found, key=lambda one: (-(one.amount_minor or 0), one.stuck_since is None, str(one.stuck_since)))


async def priced(url: str, found: Sequence[Listed]) -> list[Listed]:
    """Add the currency of each amount, from the price of its purchase: the engine knows amounts as numbers alone.

    Raise TransientError when the database at this URL does not answer.
    """
    async with open_pool(url, 1) as pool:
        known = await ReadModels(pool).currencies([one.purchase_id for one in found if one.amount_minor is not None])
    return [one._replace(currency=known.get(one.purchase_id)) for one in found]


def _listed(info: Any) -> Listed:
    values = decode_typed_search_attributes(info.search_attributes)
    order_ref, purchase_id, show_id, venue_id, stage = (
        values.get(SearchAttributeKey.for_keyword(name)) or "" for name in TEXTS
    )
    return Listed(
        workflow_id=info.execution.workflow_id,
        kind=info.type.name,
        order_ref=order_ref,
        purchase_id=purchase_id,
        show_id=show_id,
        venue_id=venue_id,
        stage=stage,
        amount_minor=values.get(SearchAttributeKey.for_int("AmountMinor")),
        needs_operator=bool(values.get(SearchAttributeKey.for_bool("NeedsOperator"))),
        stuck_since=values.get(SearchAttributeKey.for_datetime("StuckSince")),
    )


def query_of(*, needs_operator: bool, show: str, venue: str, stage: str) -> str:
    """Return the query of a selection; raise ValueError for a value that could end its quotes."""
    given = {"ShowId": show, "VenueId": venue, "Stage": stage}
    if any('"' in value or "\\" in value for value in given.values()):
        raise ValueError("an id or stage has no quotes")
    parts = [f'{name} = "{value}"' for name, value in given.items() if value]
    return " AND ".join([*([NEEDS_OPERATOR] if needs_operator else []), *parts])
