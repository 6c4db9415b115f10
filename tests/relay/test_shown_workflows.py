"""Every workflow is started with the search attributes of its owner, and with a summary in plain words."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from temporalio.client import Client, Schedule, ScheduleActionStartWorkflow, WithStartWorkflowOperation
from temporalio.common import TypedSearchAttributes

from activities.access.webhooks.deliver import EndpointRef
from activities.core.about import About
from activities.core.commands import CapacityChange, HoldRef, MintSubject, MintTicket, PurchaseRef, RefundRef, TreeRef
from activities.core.follow_ups import Matter
from activities.payouts.ports import VenueRef
from activities.tokens.pin import PinPage
from domain.core.ids import order_ref_of, purchase_ids_begin
from domain.payments.follow_up import FollowUpKind
from relay.payouts_client import PayoutsClient, ensure_schedule
from relay.schedules import ensure_rounds
from relay.workflow_client import Timeouts, WorkflowClient
from workflows.core.search_attributes import AMOUNT_MINOR, KEYS_OF, ORDER_REF, PURCHASE_ID, STAGE, shown_as
from workflows.core.task_queue import first_stage_of, owner_of
from workflows.payouts import TransfersInput
from workflows.registry import declared_workflows
from workflows.tokens.pinning import PinningWorkflow

PURCHASE = PurchaseRef(tenant_id="default", purchase_id="pu_hp5dkdmh7mgdcvgteg6dk3vx6x", attempt=1)
ABOUT = About(PURCHASE.purchase_id, "sh_1", "ve_1", "Hamlet", 14_905, "eur")
SHOW = About(show_id="sh_1", venue_id="ve_1", show_name="Hamlet")
VENUE = About(venue_id="ve_1")
REFUND = RefundRef(purchase=PURCHASE, refund_id="rf_1", ticket_ids=(), amount_minor=14_905)


class RecordingClient:
    """Records the kind and the options of each workflow that is started."""

    def __init__(self) -> None:
        self.started: list[tuple[str, dict[str, Any]]] = []

    async def start_workflow(self, run: Any, _: Any, **options: Any) -> None:
        self.started.append((run.__qualname__.partition(".")[0], options))

    async def execute_update_with_start_workflow(
        self, *_: Any, start_workflow_operation: WithStartWorkflowOperation[Any, Any], **__: Any
    ) -> None:
        given = start_workflow_operation._start_workflow_input
        shown = {
            "search_attributes": given.search_attributes,
            "static_summary": given.static_summary,
            "static_details": given.static_details,
        }
        self.started.append((given.workflow, shown))

    async def create_schedule(self, _: str, schedule: Schedule) -> None:
        action = cast(ScheduleActionStartWorkflow, schedule.action)
        shown = {
            "search_attributes": action.typed_search_attributes,
            "static_summary": action.static_summary,
        }
        self.started.append((action.workflow, shown))


def matter(kind: FollowUpKind, subject_id: str) -> Matter:
    return Matter(kind=kind, subject_id=subject_id, **PURCHASE.model_dump(), venue_id="ve_1", account_id="acct_1")


Start = Callable[[WorkflowClient, PayoutsClient, Client], Awaitable[Any]]
STARTS: dict[str, Start] = {
    "purchase by the API": lambda engine, _, __: engine.open_purchase(PURCHASE, ABOUT),
    "purchase by the relay": lambda engine, _, __: engine.start_purchase(PURCHASE, ABOUT),
    "venue": lambda engine, _, __: engine.register(
        MintSubject(tenant_id="default", kind="venue", subject_id="ve_1"), About(venue_id="ve_1")
    ),
    "show": lambda engine, _, __: engine.register(
        MintSubject(tenant_id="default", kind="show", subject_id="sh_1"), SHOW
    ),
    "hold": lambda engine, _, __: engine.watch_hold(HoldRef(tenant_id="default", reservation_id="re_1"), SHOW),
    "case": lambda engine, _, __: engine.follow(matter("payment-case", "pi_1"), ABOUT, is_news=True),
    "refund": lambda engine, _, __: engine.start_refund(REFUND, ABOUT),
    "deliveries": lambda engine, _, __: engine.start_deliveries(
        EndpointRef(tenant_id="default", endpoint_id="we_1"), About(venue_id="ve_1")
    ),
    "letters": lambda engine, _, __: engine.start_letters("letters"),
    "claim": lambda engine, _, __: engine.start_claim(MintTicket(purchase=PURCHASE, ticket_id="ti_1"), ABOUT),
    "cancellation": lambda engine, _, __: engine.start_cancellation("default", SHOW),
    "dispute": lambda engine, _, __: engine.follow(matter("dispute", "du_1"), ABOUT, is_news=False),
    "capacity": lambda engine, _, __: engine.change_capacity(
        CapacityChange(tenant_id="default", show_id="sh_1", number=1), SHOW
    ),
    "roots": lambda engine, _, __: engine.write_roots(TreeRef(tenant_id="default", show_id="sh_1"), 60, SHOW),
    "payout": lambda engine, _, __: engine.follow(matter("payout", "po_1/evt_1"), VENUE, is_news=True),
    "onboarding by the API": lambda _, payouts, __: payouts.onboard(VenueRef(tenant_id="default", venue_id="ve_1")),
    "onboarding by the relay": lambda engine, _, __: engine.follow(matter("onboarding", "ve_1"), VENUE, is_news=True),
    "transfers": lambda _, __, client: ensure_schedule(client, 60, TransfersInput(delay_seconds=1, minimum_minor=1)),
    "pinning": lambda _, __, client: ensure_rounds(
        client,
        "pinning",
        60,
        (PinningWorkflow.run, PinPage()),
        shown_as("Pins", first_stage_of(PinningWorkflow), About()),
    ),
}


async def started(start: Start) -> tuple[type, dict[str, Any]]:
    """Return the kind of workflow that a start names, and how it is shown."""
    client = RecordingClient()
    temporal = cast(Client, client)
    await start(WorkflowClient(temporal, Timeouts(5.0, 30.0, 600)), PayoutsClient(temporal, 5.0, 30.0), temporal)
    [(name, options)] = client.started
    [kind] = [one for one in declared_workflows() if one.__name__ == name]
    return kind, options


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
async def test_a_workflow_starts_with_the_attributes_of_its_owner(start: Start) -> None:
    """All that its owner has, the stage at which it begins, and a summary."""
    kind, options = await started(start)
    attributes: TypedSearchAttributes = options["search_attributes"]
    values = {pair.key.name: pair.value for pair in attributes}
    assert [key.name for key in KEYS_OF[owner_of(kind)] if values.get(key.name) in {None, ""}] == []
    assert attributes[STAGE] == first_stage_of(kind)
    assert options["static_summary"]
    if owner_of(kind) == "purchase":
        assert (attributes[PURCHASE_ID], attributes[ORDER_REF]) == (PURCHASE.purchase_id, "HP5-DKD-MH7")
        assert attributes[AMOUNT_MINOR] == 14_905
        assert options["static_summary"].endswith("HP5-DKD-MH7: 149.05 EUR, Hamlet")
        assert f"boxoffice purchase show {PURCHASE.purchase_id}" in options["static_details"]


async def test_every_kind_of_workflow_is_started_here() -> None:
    """A new kind of workflow needs a start above."""
    kinds = {(await started(start))[0] for start in STARTS.values()}
    assert kinds == set(declared_workflows())


@pytest.mark.parametrize("written", ["HP5-DKD-MH7", "hp5dkdmh7", " hp5 dkd mh7 "])
def test_a_reference_leads_back_to_its_purchase(written: str) -> None:
    """However it was written down."""
    assert order_ref_of(PURCHASE.purchase_id) == "HP5-DKD-MH7"
    assert PURCHASE.purchase_id.startswith(purchase_ids_begin(written))
    assert purchase_ids_begin("h0i-1aa-aaa") == "pu_hoiiaaaaa"
