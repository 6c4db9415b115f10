"""The scene of deliveries: events of two purchases on their way to a webhook endpoint."""

from datetime import UTC, datetime
from typing import Any

from activities.access.webhooks.deliver import EndpointRef
from activities.access.webhooks.endpoints import CreateEndpoint, EndpointCommands
from tests.fakes.webhook_box import told
from tests.matrix.scenes import Scene
from tests.matrix.stage import Stage
from workflows.outgoing.deliveries import DeliveryInput, DeliveryWorkflow

ENDPOINT = EndpointRef(tenant_id="default", endpoint_id="we")
TYPES = ("order.confirmed", "ticket.issued")
AT = datetime(2026, 1, 1, tzinfo=UTC)


async def webhooks(stage: Stage) -> str:
    """All are taken; if the workflow was cancelled, the relay's next start goes on."""
    world = stage.world
    named = [(f"pu_{number}", kind) for kind in TYPES for number in range(2)]
    world.told += [told(position, *one, at=AT) for position, one in enumerate(named, start=1)]
    asked: dict[str, Any] = {"venue_id": "", "url": "https://door.example/", "types": (), "after": 0}
    commands = EndpointCommands(world.store, world.endpoint_secrets)
    await commands.create(CreateEndpoint(endpoint_id="we", tenant_id="default", body_digest="d", **asked))
    for _ in range(2):
        await stage.begin("webhooks/we", DeliveryWorkflow.run, DeliveryInput(endpoint=ENDPOINT))
        if await stage.end() is not None:
            break
    positions = [event["position"] for event in world.receiver.taken]
    order = [position for position in dict.fromkeys(positions) if position % 2]
    return f"took {len(set(positions))}, in order" if order == sorted(order) else f"took {positions}"


SCENES = (
    Scene("webhooks", DeliveryWorkflow, ("list_due_events", "deliver_event"), "took 4, in order", webhooks),
)  # fmt: skip
