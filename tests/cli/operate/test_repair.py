"""`boxoffice repair` and `purchase list`: the largest amounts first, a dry run, and a stop at the first surprise."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest, ListWorkflowExecutionsResponse
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.converter import encode_search_attributes
from temporalio.exceptions import ApplicationError

from cli.operate.listing import list_running, query_of
from cli.operate.purchase import line_of
from cli.operate.repair import Act, Repaired, outcome_of, repaired

AMOUNT, NEEDS = SearchAttributeKey.for_int("AmountMinor"), SearchAttributeKey.for_bool("NeedsOperator")
REF = SearchAttributeKey.for_keyword("OrderRef")
SINCE = SearchAttributeKey.for_datetime("StuckSince")
ACT = Act("retry_now", {"operator": "anna", "reason": "the balance is topped up"})


class Engine:
    """Temporal with refunds of some amounts; `refusing` refuses an act that it offered, `idle` offers none."""

    namespace = "default"

    def __init__(self, amounts: list[int | None], refusing: int = -1, idle: int = -1) -> None:
        self.amounts, self.refusing, self.idle = amounts, refusing, idle
        self.acted: list[tuple[str, str, dict[str, Any]]] = []
        self.query = ""
        self.workflow_service = SimpleNamespace(list_workflow_executions=self.listed)

    async def listed(self, request: ListWorkflowExecutionsRequest, **_: Any) -> ListWorkflowExecutionsResponse:
        self.query = request.query
        return ListWorkflowExecutionsResponse(executions=[self.info(amount) for amount in self.amounts])

    def info(self, amount: int | None) -> WorkflowExecutionInfo:
        found = WorkflowExecutionInfo(
            execution=WorkflowExecution(workflow_id=f"refund/{amount}"), type=WorkflowType(name="RefundWorkflow")
        )
        pairs: list[SearchAttributePair[Any]] = [SearchAttributePair(NEEDS, value=True), SearchAttributePair(REF, "A")]
        pairs.append(SearchAttributePair(SINCE, datetime(2026, 1, 1, tzinfo=UTC)))
        pairs += [SearchAttributePair(AMOUNT, amount)] if amount is not None else []
        encode_search_attributes(TypedSearchAttributes(pairs), found.search_attributes)
        return found

    def get_workflow_handle(self, workflow_id: str) -> Any:
        amount = workflow_id.removeprefix("refund/")

        async def query(_: str, **__: object) -> dict[str, Any]:
            acts = [] if amount == str(self.idle) else [{"name": "retry_now", "cost": "one more call."}]
            return {"stage": "failed", "acts": acts}

        async def execute_update(name: str, given: dict[str, Any]) -> str:
            if amount == str(self.refusing):
                raise WorkflowUpdateFailedError(ApplicationError("nothing waits to be tried again"))
            self.acted.append((workflow_id, name, given))
            return "It is tried now."

        return SimpleNamespace(query=query, execute_update=execute_update)


async def run(engine: Engine, pause_seconds: float | None = 0.0) -> list[tuple[str, str]]:
    client = cast(Client, engine)
    steps = await repaired(client, await list_running(client, "NeedsOperator = true", 100), ACT, pause_seconds)
    return [(step.workflow.workflow_id, step.outcome) for step in steps]


async def test_money_comes_first() -> None:
    """Each gets the act in the stage that it is in, with operator and reason."""
    engine = Engine([5, None, 900, 20])
    assert await run(engine) == [(f"refund/{amount}", "done") for amount in (900, 20, 5, None)]
    assert engine.acted[0] == ("refund/900", "retry_now", {**ACT.fields, "stage": "failed"})
    assert engine.query == '(NeedsOperator = true) AND ExecutionStatus = "Running"'


async def test_a_dry_run_does_nothing() -> None:
    """It says what would be done; one that takes no such act now is left out."""
    engine = Engine([5, 900], idle=5)
    assert await run(engine, None) == [("refund/900", "would"), ("refund/5", "skipped")]
    assert engine.acted == []


async def test_it_stops_at_the_first_surprise() -> None:
    """A refusal of an act that was offered: the rest is left as it was."""
    engine = Engine([1, 2, 3], refusing=2)
    assert await run(engine) == [("refund/3", "done"), ("refund/2", "surprise")]
    assert len(engine.acted) == 1


async def test_a_listed_workflow_is_a_document() -> None:
    """With the values of its search attributes."""
    [found] = await list_running(cast(Client, Engine([7])), "", 1)
    assert found.document()["stuck_since"] == "2026-01-01T00:00:00+00:00"
    assert (found.order_ref, found.amount_minor, found.needs_operator) == ("A", 7, True)


def test_a_selection_is_a_query() -> None:
    """A value cannot end its quotes."""
    query = query_of(needs_operator=True, show="sh_1", venue="", stage="failed")
    assert query == 'NeedsOperator = true AND ShowId = "sh_1" AND Stage = "failed"'
    with pytest.raises(ValueError, match="quotes"):
        query_of(needs_operator=False, show='x" OR "', venue="", stage="")


async def test_a_workflow_is_listed_with_its_whole_id() -> None:
    """However narrow the terminal: the id is what the next command takes."""
    (found,) = await list_running(cast("Client", Engine([4_500])), "", 10)
    found = found._replace(currency="eur")
    assert line_of(found) == "A  refund/4500  45.00 EUR  needs an operator since 2026-01-01T00:00:00+00:00"
    assert line_of(found._replace(needs_operator=False, stage="failed")) == "A  refund/4500  failed  45.00 EUR"


@pytest.mark.parametrize(
    ("currency", "amount"),
    [("jpy", "4500 JPY"), ("kwd", "4.500 KWD"), (None, "4500 minor units")],
    ids=["no decimals", "three", "not known yet"],
)
async def test_an_amount_has_its_currency(currency: str | None, amount: str) -> None:
    """In the list and beside an act that is repeated; its decimals are those of the currency."""
    (found,) = await list_running(cast("Client", Engine([4_500])), "", 10)
    found = found._replace(currency=currency, needs_operator=False)
    assert line_of(found) == f"A  refund/4500  {amount}"
    assert outcome_of(Repaired(found, "done", "It is tried now.")) == f"done     refund/4500 {amount}: It is tried now."
