"""Requests about a purchase are counted, logged and traced by it."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from prometheus_client import REGISTRY

from activities.core.traces import trace_of
from tests.api.routes.on_sale import PURCHASES, open_show, wanting
from tests.fakes.api_client import api_client, app_over
from tests.fakes.judged import judged
from tests.fakes.shop_world import ApiWorld


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[ApiWorld]:
    with judged(ApiWorld(), request) as made:
        yield made


@pytest.fixture
async def client(world: ApiWorld, caplog: pytest.LogCaptureFixture) -> AsyncIterator[httpx.AsyncClient]:
    caplog.set_level(logging.INFO)
    async with api_client(app_over(world.deps())) as client:
        yield client


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


async def test_a_purchase_is_known_to_its_requests(
    world: ApiWorld, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The line names purchase and trace, for the first request as for a later one; a repeat places no hold."""
    show = await open_show(client, world)
    holds = counted("boxoffice_holds_total", api="purchase")
    made = [await client.post(PURCHASES, json=wanting(show, 1), headers={"Idempotency-Key": "k"}) for _ in range(2)]
    purchase_id = made[0].json()["purchase_id"]
    await client.get(f"{PURCHASES}/{purchase_id}")
    found: list[dict[str, Any]] = [
        json.loads(record.getMessage()) for record in caplog.records if record.name == "boxoffice.access"
    ]
    expected = trace.format_trace_id(trace.get_current_span(trace_of(purchase_id)).get_span_context().trace_id)
    about = [(line["purchase_id"], line["trace_id"]) for line in found if str(line["route"]).startswith(PURCHASES)]
    assert about == [(purchase_id, expected)] * 3
    assert counted("boxoffice_holds_total", api="purchase") - holds == 1


async def test_refusals_are_counted_by_their_code(world: ApiWorld, client: httpx.AsyncClient) -> None:
    """And requests by route and status; a path that does not exist is no label of its own."""
    show = await open_show(client, world)
    before = counted("boxoffice_refusals_total", code="sold-out")
    refused = await client.post(PURCHASES, json=wanting(show, 10_000), headers={"Idempotency-Key": "k"})
    assert refused.status_code in {409, 422}
    kind = refused.json()["type"].rpartition(":")[2]
    assert counted("boxoffice_refusals_total", code=kind) - (before if kind == "sold-out" else 0) >= 1
    await client.get("/nothing/here")
    assert counted("boxoffice_requests_total", route="none", method="GET", status="404") >= 1


async def test_what_a_client_writes_as_an_id_is_not_logged(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Only an id of ours is."""
    await client.get(f"{PURCHASES}/ann-example-org")
    assert all("ann-example" not in record.getMessage() for record in caplog.records if record.name != "httpx")
