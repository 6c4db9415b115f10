"""The figures of the business are those of the events, the inbox and Temporal."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest
from prometheus_client import REGISTRY
from temporalio.api.common.v1 import WorkflowType
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    CountWorkflowExecutionsResponse,
    ListWorkflowExecutionsResponse,
)
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.converter import encode_search_attributes

from activities.books.post import post
from activities.core.commands import PurchaseRef
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import Pool
from adapters.read_models.projection import Projection
from adapters.telemetry.figures import FAILING, STUCK_SINCE, Figures
from domain.money.books import TICKET_UNIT, Posting
from tests.contract.selling import sell
from tests.contract.test_read_models import connection, store

__all__ = ["connection", "store"]
HOUR = timedelta(hours=1)


class Engine:
    """Temporal with one stuck refund, two open cases and a task that fails; `is_away` is a call that fails."""

    is_away = False
    namespace = "default"

    @property
    def workflow_service(self) -> Any:
        return SimpleNamespace(list_workflow_executions=self.listed, count_workflow_executions=self.counted)

    async def listed(self, *_: Any, **__: Any) -> ListWorkflowExecutionsResponse:
        if self.is_away:
            raise RuntimeError("no connection")
        info = WorkflowExecutionInfo(type=WorkflowType(name="RefundWorkflow"))
        since = SearchAttributePair(STUCK_SINCE, datetime.now(UTC) - HOUR)
        encode_search_attributes(TypedSearchAttributes([since]), info.search_attributes)
        return ListWorkflowExecutionsResponse(executions=[info])

    async def counted(self, asked: CountWorkflowExecutionsRequest, **_: Any) -> CountWorkflowExecutionsResponse:
        return CountWorkflowExecutionsResponse(count=1 if asked.query == FAILING else 2)


@pytest.fixture
def engine() -> Engine:
    return Engine()


def shown(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def test_the_figures_are_read(
    store: PostgresEventStore, connection: psycopg.Connection[Any], pool: Pool, engine: Engine
) -> None:
    """Purchases by state, the mint debt, what waits in the inbox, and what needs an operator."""
    await sell(store)
    owed = (Posting("tickets:sold", "mint:debt", 2, TICKET_UNIT),)
    purchase = PurchaseRef(tenant_id="default", purchase_id="pu_1", attempt=1)
    await store.commit(lambda uow: post(uow, purchase, "owed", "sale", owed))
    Projection(connection).catch_up()
    connection.execute(
        "INSERT INTO webhook_inbox (event_id, type, digest, received_at)"
        " VALUES ('evt_1', 'x', 'd', now() - interval '1 minute')"
    )
    connection.execute(
        "INSERT INTO letters SELECT 'ev_' || state, 'pu_1', 'order.confirmed', 1, state, 1, 0, NULL, at, at, at FROM"
        " unnest(ARRAY['due', 'sent', 'refused']) AS state, (SELECT now() - interval '1 minute' AS at) AS past"
    )
    connection.commit()
    now = [0.0]
    figures = Figures(pool, cast(Client, engine), lambda: now[0])
    await figures.read()
    assert shown("boxoffice_purchases", state="reserving") == 1
    assert shown("boxoffice_refunds", state="failed") == 0
    assert shown("boxoffice_mint_debt") == 2
    assert shown("boxoffice_webhooks_waiting") == 1
    assert 60 <= (shown("boxoffice_webhook_lag_seconds") or 0) < 120
    assert [shown("boxoffice_letters", state=one) for one in ("due", "refused", "given-up")] == [1, 1, 0]
    assert 60 <= (shown("boxoffice_letter_lag_seconds") or 0) < 120
    assert shown("boxoffice_needs_operator", workflow="RefundWorkflow") == 1
    assert abs((shown("boxoffice_stuck_seconds") or 0) - HOUR.total_seconds()) < 60
    assert (shown("boxoffice_open_cases"), shown("boxoffice_failing_workflows")) == (2, 1)
    now[0] = 7.0
    assert shown("boxoffice_figures_seconds") == 7
    engine.is_away = True
    await figures.read()
    assert shown("boxoffice_figures_seconds") == 7  # the rest is kept, and its age shows that it is old
    assert shown("boxoffice_open_cases") == 2
