"""Figures of the business as metrics: read from the read models, the inbox and Temporal at an interval."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from prometheus_client import Gauge
from temporalio.api.workflowservice.v1 import CountWorkflowExecutionsRequest, ListWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.converter import decode_typed_search_attributes

from adapters.postgres.connections import Pool, connection_of
from adapters.telemetry.set_aside import SET_ASIDE
from domain.views.purchase import OPEN_REFUNDS, UNENDED_STATES

log = logging.getLogger(__name__)
EVERY_SECONDS = 15.0
CALL_TIME = timedelta(seconds=5)
LISTED_MAX = 1_000
STATES = (
    "SELECT 'purchase', doc->>'state', count(*) FROM rm_purchases WHERE doc->>'state' = ANY(%(purchases)s) GROUP BY 2"
    " UNION ALL"
    " SELECT 'refund', doc->>'state', count(*) FROM rm_refunds WHERE doc->>'state' = ANY(%(refunds)s) GROUP BY 2"
)
DEBT = "SELECT coalesce(sum(balance), 0) FROM rm_balances WHERE account = 'mint:debt'"
WAITING = (
    "SELECT count(*), coalesce(extract(epoch FROM now() - min(received_at)), 0) FROM webhook_inbox"
    " WHERE signalled_at IS NULL"
)
ENDPOINTS = "SELECT count(*) FROM rm_endpoints WHERE doc->>'state' = 'failing'"
# Letters that operators hear of: those that are late by now, and those that were not taken lately.
LETTERS = (
    "SELECT count(*) FILTER (WHERE state IN ('due', 'sending')), count(*) FILTER (WHERE state = 'refused'),"
    " count(*) FILTER (WHERE state = 'given-up'), coalesce(extract(epoch FROM now() - min(due_at)"
    " FILTER (WHERE state = 'due')), 0) FROM letters WHERE state IN ('due', 'sending')"
    " OR state IN ('refused', 'given-up') AND last_at > now() - interval '7 days'"
)
STUCK = 'NeedsOperator = true AND ExecutionStatus = "Running"'
CASES = 'WorkflowType = "PaymentCaseWorkflow" AND ExecutionStatus = "Running"'
# The server names a problem after a few failures of a task in a row.
FAILING = 'TemporalReportedProblems IS NOT NULL AND ExecutionStatus = "Running"'
# What a round of transfers has set aside is in its result, until the next round.
SHARES = "send shares"
ROUNDS = 'WorkflowType = "TransfersWorkflow" AND ExecutionStatus = "Completed"'
STUCK_SINCE = SearchAttributeKey.for_datetime("StuckSince")

FIGURES_AGE = Gauge("boxoffice_figures_seconds", "Seconds since the figures of the business were read")
PURCHASES = Gauge("boxoffice_purchases", "Purchases that have not ended, by state", ("state",))
REFUNDS = Gauge("boxoffice_refunds", "Refunds that have not succeeded, by state", ("state",))
MINT_DEBT = Gauge("boxoffice_mint_debt", "Sold tickets whose token is not on chain yet, by the books")
WEBHOOKS_WAITING = Gauge("boxoffice_webhooks_waiting", "Received webhooks that were not acted on")
WEBHOOK_LAG = Gauge("boxoffice_webhook_lag_seconds", "Age of the oldest webhook that was not acted on")
ENDPOINTS_OFF = Gauge(
    "boxoffice_webhook_endpoints_switched_off", "Webhook endpoints that are switched off after failing for days"
)
LETTERS_LEFT = Gauge("boxoffice_letters", "Letters to buyers that were not sent, by state", ("state",))
LETTER_LAG = Gauge("boxoffice_letter_lag_seconds", "Time since the oldest letter that waits has been due")
NEEDS_OPERATOR = Gauge("boxoffice_needs_operator", "Running workflows that need an operator, by kind", ("workflow",))
STUCK_SECONDS = Gauge("boxoffice_stuck_seconds", "Time since the longest-stuck workflow needs an operator")
OPEN_CASES = Gauge("boxoffice_open_cases", "Payments that no purchase waits for and that are not resolved")

FAILING_WORKFLOWS = Gauge("boxoffice_failing_workflows", "Running workflows whose task fails again and again, by a bug")


class Figures:
    """Reads the figures until cancelled; what cannot be read keeps its last value, and its age grows."""

    def __init__(
        self,
        pool: Pool,
        client: Client,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._pool = pool
        self._client = client
        self._clock = clock
        self._now = now
        self._read_at = clock()
        self._round, self._left = "", 0
        FIGURES_AGE.set_function(lambda: self._clock() - self._read_at)

    async def run(self) -> None:
        """Read at an interval."""
        while True:
            await self.read()
            await asyncio.sleep(EVERY_SECONDS)

    async def read(self) -> None:
        """Read all figures once."""
        of_database, of_engine = await _tried(self.read_database), await _tried(self.read_engine)
        if of_database and of_engine:
            self._read_at = self._clock()

    async def read_database(self) -> None:
        """Read what the read models and the inbox say."""
        wanted = {"purchases": list(UNENDED_STATES), "refunds": list(OPEN_REFUNDS)}
        async with connection_of(self._pool) as connection:
            rows = await (await connection.execute(STATES, wanted)).fetchall()
            [(debt,)] = await (await connection.execute(DEBT)).fetchall()
            [(waiting, lag)] = await (await connection.execute(WAITING)).fetchall()
            [(off,)] = await (await connection.execute(ENDPOINTS)).fetchall()
            [(due, refused, given_up, late)] = await (await connection.execute(LETTERS)).fetchall()
        found = {(kind, state): number for kind, state, number in rows}
        for state in UNENDED_STATES:
            PURCHASES.labels(state).set(found.get(("purchase", state), 0))
        for state in OPEN_REFUNDS:
            REFUNDS.labels(state).set(found.get(("refund", state), 0))
        MINT_DEBT.set(int(debt))
        WEBHOOKS_WAITING.set(waiting)
        WEBHOOK_LAG.set(float(lag))
        ENDPOINTS_OFF.set(off)
        for state, number in (("due", due), ("refused", refused), ("given-up", given_up)):
            LETTERS_LEFT.labels(state).set(number)
        LETTER_LAG.set(max(float(late), 0.0))

    async def read_engine(self) -> None:
        """Read what Temporal says of the workflows."""
        service, namespace = self._client.workflow_service, self._client.namespace
        listing = ListWorkflowExecutionsRequest(namespace=namespace, query=STUCK, page_size=LISTED_MAX)
        listed = await service.list_workflow_executions(listing, timeout=CALL_TIME)
        open_cases, failing = await self._count(CASES), await self._count(FAILING)
        kinds, since = Counter[str](), list[datetime]()
        for found in listed.executions:
            kinds[found.type.name] += 1
            began = found.start_time.ToDatetime(UTC)
            since.append(decode_typed_search_attributes(found.search_attributes).get(STUCK_SINCE) or began)
        NEEDS_OPERATOR.clear()
        for kind, number in kinds.items():
            NEEDS_OPERATOR.labels(kind).set(number)
        STUCK_SECONDS.set((self._now() - min(since)).total_seconds() if since else 0)
        OPEN_CASES.set(open_cases)
        FAILING_WORKFLOWS.set(failing)
        SET_ASIDE.labels(SHARES).set(await self._left_by_last_round())

    async def _left_by_last_round(self) -> int:
        """Return the number of shares that the last round of transfers has set aside."""
        listing = ListWorkflowExecutionsRequest(namespace=self._client.namespace, query=ROUNDS, page_size=1)
        listed = await self._client.workflow_service.list_workflow_executions(listing, timeout=CALL_TIME)
        if not listed.executions:
            return 0
        run = listed.executions[0].execution
        if run.run_id != self._round:
            handle = self._client.get_workflow_handle(run.workflow_id, run_id=run.run_id, result_type=dict)
            result = await handle.result(rpc_timeout=CALL_TIME)
            self._round, self._left = run.run_id, len(result.get("set_aside", {}))
        return self._left

    async def _count(self, query: str) -> int:
        """Return the number of workflows that a query finds."""
        counting = CountWorkflowExecutionsRequest(namespace=self._client.namespace, query=query)
        found = await self._client.workflow_service.count_workflow_executions(counting, timeout=CALL_TIME)
        return found.count


async def _tried(read: Callable[[], Awaitable[None]]) -> bool:
    try:
        await read()
    except Exception as error:  # noqa: BLE001 - a figure is never worth more than the work beside it
        log.warning("the figures could not be read: %s: %s", type(error).__name__, error)
        return False
    return True
