"""The crash columns on the real stack: for each activity of a scene a workflow whose worker is killed around it, twice.

Runs in `make matrix` only; `tests/real/test_kills.py` is the short form of it.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from activities.core.commands import PurchaseRef
from activities.core.task_queues import PURCHASES
from activities.tokens.pin import PinPage
from devstack.stack import running_stack
from domain.core.ids import DEFAULT_TENANT
from tests.fakes.pinning_rpc import MemoryBlocks, serving, settings_for
from tests.matrix.every_scene import SCENES
from tests.matrix.killing import Killing, Record
from tests.real.points import POINTS
from tests.real.shop import Shop
from tests.real.up import UP
from tests.replay.scenes import only_request
from workflows.core.search_attributes import STAGE
from workflows.payment_case import CaseInput, PaymentCaseWorkflow
from workflows.tokens.pinning import PinningWorkflow

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif("MATRIX" not in os.environ, reason="runs in `make matrix`"),
    pytest.mark.timeout(900),
]
REACHES = {scene.name: scene.row.reaches for scene in SCENES}
ENDS = {
    "sale": "fulfilled",
    "slow payment": "fulfilled",
    "unpaid": "cancelled",
    "cancelled by the buyer": "cancelled",
    "sold out": "refused",
}
HOLD_SECONDS = 180
PATIENCE_SECONDS = 600


async def catalogue(shop: Shop, killing: Killing) -> None:
    """Register a venue and a show, and wait until it is on sale."""
    venue_id, show_id = shop.id_of_key("ve", "m-venue"), shop.id_of_key("sh", "m-show")
    killing.around("venue", "mint_group", f"venue/{venue_id}", "on chain")
    for name in REACHES["show"]:
        killing.around("show", name, f"show/{show_id}", "on sale")
    (await shop.post("/api/v1/venues", {"name": "Venue"}, "m-venue")).raise_for_status()
    seats = {"name": "Seat", "price_minor": 1000, "capacity": 45}
    body = {"venue_id": venue_id, "name": "Show", "currency": "eur", "ticket_types": [seats], "hold_seconds": 600}
    (await shop.post("/api/v1/shows", body, "m-show")).raise_for_status()
    shop.venue_id, shop.show_id, shop.capacity = venue_id, show_id, 45
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (await shop.show())["on_sale"]:  # noqa: ASYNC110 - another process tells it, by this answer
            await asyncio.sleep(0.3)
    shop.seat = (await shop.show())["ticket_types"][0]["ticket_type_id"]


async def seen(shop: Shop, purchase_id: str, done: Callable[[Any], bool]) -> Any:
    return await shop.until(purchase_id, done, PATIENCE_SECONDS)


async def waiting(shop: Shop, purchase_id: str) -> None:
    """Wait until the workflow itself waits for payment: an earlier signal would save its poll."""
    handle = (await shop.engine()).get_workflow_handle(f"purchase/{purchase_id}")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await handle.describe()).typed_search_attributes.get(STAGE) == "reserving":  # noqa: ASYNC110
            await asyncio.sleep(0.3)


async def purchase(shop: Shop, scene: str, key: str) -> str:
    """Play one purchase by its scene; return its id."""
    more = {"hold_seconds": HOLD_SECONDS} if scene in {"slow payment", "unpaid"} else {}
    purchase_id = shop.id_of_key("pu", key)
    if scene == "sold out":  # the API refuses it at once, and nothing remains to crash
        await only_request(shop, key, 50)
    else:
        await shop.buy(key, **more)
    opened = await seen(shop, purchase_id, lambda now: bool(now.get("client_secret")) or now["state"] in ENDS.values())
    if opened.get("client_secret"):
        await waiting(shop, purchase_id)
    if scene == "cancelled by the buyer":
        await shop.http.delete(f"/api/v1/purchases/{purchase_id}")
    elif scene == "sale":
        assert await shop.pay(opened["client_secret"]) == httpx.codes.OK
    elif scene == "slow payment":
        await shop.pay(opened["client_secret"], "pm_emulator_slowCard")
        await seen(
            shop, purchase_id, lambda now: any(line["event"] == "order.hold-extended" for line in now["timeline"])
        )
        intent_id = opened["client_secret"].partition("_secret")[0]
        finish = f"{shop.stack.urls['stripe']}/_emulator/payment_intents/{intent_id}/finish_processing"
        (await shop.http.post(finish, json={"outcome": "succeed"})).raise_for_status()
    ended = await shop.ended(purchase_id, PATIENCE_SECONDS)
    assert ended["state"] == ENDS[scene], (scene, key, ended)
    return purchase_id


async def hold(shop: Shop, key: str, *, confirm: bool) -> None:
    """Make an internal hold, which is confirmed or expires."""
    body = {"show_id": shop.show_id, "items": [{"ticket_type_id": shop.seat, "quantity": 1}], "hold_seconds": 10}
    made = (await shop.post("/internal/tickets/reserve", body, key)).json()
    if confirm:
        (await shop.post("/internal/tickets/confirm", {"reservation_id": made["reservation_id"]})).raise_for_status()


async def late_news(shop: Shop, killing: Killing, scene: str, purchase_id: str, end: str) -> None:
    """Open the payment case of an ended purchase."""
    intent_id = (await shop.purchase(purchase_id))["payment"]["intent_id"]
    killing.around(scene, "resolve_late_payment", f"payment-case/{intent_id}", end)
    owner = PurchaseRef(tenant_id=DEFAULT_TENANT, purchase_id=purchase_id, attempt=1)
    case = CaseInput(purchase=owner, intent_id=intent_id)
    engine = await shop.engine()
    run = PaymentCaseWorkflow.run
    handle = await engine.start_workflow(run, case, id=f"payment-case/{intent_id}", task_queue=PURCHASES)
    assert await handle.result() == end


async def test_a_killed_worker_pins_metadata(tmp_path: Path, record_property: Record) -> None:
    """A round of pinning survives a `kill -9` before and after its effect: every file is kept and recorded."""
    points = tmp_path / "points"
    points.mkdir()
    killing, blocks = Killing(points, record_property), MemoryBlocks()
    async with serving(blocks) as node:
        env = {POINTS: str(points), **settings_for(node)}
        async with running_stack(tmp_path / "stack", env=env, up=UP) as stack, Shop.at(stack) as shop:
            await shop.open()
            await shop.caught_up()
            killing.around("pinning", "pin_files", "pinning/m", "pinned 4")
            engine = await shop.engine()
            handle = await engine.start_workflow(PinningWorkflow.run, PinPage(), id="pinning/m", task_queue=PURCHASES)
            await handle.result()
            assert len(blocks.pins) == 4
            await shop.check_sums([])
            killing.judge()


async def test_a_killed_worker_changes_a_capacity(tmp_path: Path, record_property: Record) -> None:
    """A capacity change survives a `kill -9` before and after the effect of each activity; stock and chain agree."""
    points = tmp_path / "points"
    points.mkdir()
    killing = Killing(points, record_property)
    async with running_stack(tmp_path / "stack", env={POINTS: str(points)}, up=UP) as stack, Shop.at(stack) as shop:
        await shop.open(capacity=2)
        for name in REACHES["capacity"]:
            killing.around("capacity", name, f"capacity/{shop.show_id}/1", "made")
        types = [{"ticket_type_id": shop.seat, "capacity": 3}]
        path = f"/api/v1/shows/{shop.show_id}/capacity"
        (await shop.http.put(path, json={"ticket_types": types})).raise_for_status()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await shop.show())["capacity_change"]["state"] == "under-way":  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.3)
        assert (await shop.show())["ticket_types"][0]["available"] == 3
        await killing.all_reached(PATIENCE_SECONDS)
        killing.judge()


async def test_a_killed_worker(tmp_path: Path, record_property: Record) -> None:
    """Each scene survives a `kill -9` before and after the effect of each activity; all sums agree."""
    points = tmp_path / "points"
    points.mkdir()
    killing = Killing(points, record_property)
    env = {POINTS: str(points), "BOXOFFICE_SAGA__POLL_SECONDS": "3"}
    async with running_stack(tmp_path / "stack", env=env, up=UP) as stack, Shop.at(stack) as shop:
        await catalogue(shop, killing)
        wanted = [(scene, name, f"m-{scene}-{name}".replace(" ", "-")) for scene in ENDS for name in REACHES[scene]]
        usual = {scene.name: scene.ends for scene in SCENES}
        for scene, name, key in wanted:
            killing.around(scene, name, f"purchase/{shop.id_of_key('pu', key)}", usual[scene])
        expiring = shop.id_of_key("re", "m-hold")
        killing.around("internal hold, expires", "expire_reservation", f"hold/{expiring}", "released")
        await hold(shop, "m-hold", confirm=False)
        ids = await asyncio.gather(*(purchase(shop, scene, key) for scene, _, key in wanted))
        by_scene = {scene: identity for (scene, _, _), identity in zip(wanted, ids, strict=True)}
        await late_news(shop, killing, "late news, sold", by_scene["sale"], "sold")
        await late_news(shop, killing, "late news, unpaid", by_scene["unpaid"], "canceled")
        await shop.check_sums(ids)
        confirmed = shop.id_of_key("re", "m-confirmed")
        killing.around("internal hold, confirmed", "expire_reservation", f"hold/{confirmed}", "confirmed")
        await hold(shop, "m-confirmed", confirm=True)
        await killing.all_reached(PATIENCE_SECONDS)
        killing.judge()
