"""Read what the doctor asks of Temporal."""

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.registry import all_queues
from adapters.temporal.build_routing import current_build
from cli.checks.doctor.examined import Queue, TemporalSeen
from cli.systems import engine_of
from relay.payouts_client import SCHEDULE_ID
from settings import Settings
from workflows.registry import workflows_on

PINNING = "pinning"
UNNAMED = "a worker without a build"
NEED_OPERATOR = "NeedsOperator = true AND ExecutionStatus = 'Running'"
FAILING = "TemporalReportedProblems IS NOT NULL AND ExecutionStatus = 'Running'"
LISTED_MAX = 20
NOT_ALLOWED = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.UNAUTHENTICATED)


async def read_engine(settings: Settings, attributes: frozenset[str]) -> TemporalSeen:
    """Read everything; `attributes` are the search attributes that workflows set."""
    client = await engine_of(settings)
    missing = attributes - await known_attributes(client, attributes)
    wanted = [SCHEDULE_ID, *([PINNING] if settings.ipfs.rpc_url is not None else [])]
    states = {name: await _is_paused(client, name) for name in wanted}
    stuck = 0 if missing else (await client.count_workflows(NEED_OPERATOR)).count
    return TemporalSeen(
        deployment=settings.worker.deployment,
        current_build=await current_build(client, settings.worker.deployment),
        queues=tuple([await _queue(client, name) for name in all_queues()]),
        missing_attributes=frozenset(missing),
        paused_schedules=tuple(name for name, paused in states.items() if paused),
        missing_schedules=tuple(name for name, paused in states.items() if paused is None),
        need_operator=stuck,
        failing=tuple([found.id async for found in client.list_workflows(FAILING, limit=LISTED_MAX)]),
    )


async def known_attributes(client: Client, wanted: frozenset[str]) -> frozenset[str]:
    """Return the search attributes that the namespace knows; ask one by one where the list is not ours to read."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    try:
        listed = await client.operator_service.list_search_attributes(request)
    except RPCError as error:
        if error.status not in NOT_ALLOWED:
            raise
        return frozenset([name for name in sorted(wanted) if await _answers(client, name)])
    return frozenset(listed.custom_attributes)


async def _answers(client: Client, attribute: str) -> bool:
    """Say whether a query may name a search attribute."""
    try:
        await client.count_workflows(f"{attribute} IS NULL")
    except RPCError as error:
        if error.status == RPCStatusCode.INVALID_ARGUMENT:
            return False
        raise
    return True


async def _queue(client: Client, name: str) -> Queue:
    kinds = (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
    workflows, activities = [await _builds(client, name, kind) for kind in kinds]
    return Queue(name, workflows, activities, bool(workflows_on(name)))


async def _builds(client: Client, queue: str, kind: TaskQueueType.ValueType) -> frozenset[str]:
    """Return the builds whose workers poll a queue."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
    )
    described = await client.workflow_service.describe_task_queue(request)
    return frozenset(poller.deployment_options.build_id or UNNAMED for poller in described.pollers)


async def _is_paused(client: Client, name: str) -> bool | None:
    """Say whether a schedule is paused; None when there is none."""
    try:
        return (await client.get_schedule_handle(name).describe()).schedule.state.paused
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return None
        raise
