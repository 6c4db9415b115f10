"""A purchase on the real stack: one trace through every room, lines with its ids, metrics, and no personal data."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from activities.core.traces import trace_of
from devstack.stack import Stack, start_stack, stop_stack
from devstack.supervisor.ports import free_port
from tests.real.conftest import QUICK
from tests.real.shop import Shop
from tests.real.up import UP

pytestmark = [pytest.mark.real, pytest.mark.nightly]
PROCESSES = ("API", "WORKER", "PROJECTOR")
SENT_SECONDS = 20
EMAIL = "ann@example.org"


class Collected(NamedTuple):
    """The spans that a collector of traces has received, each with the process that sent it."""

    port: int
    spans: list[tuple[str, Span]]


@contextmanager
def collector() -> Iterator[Collected]:
    """Lend a collector of traces, OTLP over HTTP."""
    spans: list[tuple[str, Span]] = []

    class Receives(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                names = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
                spans.extend((names["service.name"], one) for scope in resource.scope_spans for one in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receives)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Collected(server.server_port, spans)
    server.shutdown()
    server.server_close()


class Observed(NamedTuple):
    """A stack, the ports of its metrics by process, and the spans that it sent."""

    stack: Stack
    ports: dict[str, int]
    collected: Collected


@pytest.fixture
async def observed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Observed]:
    place = tmp_path_factory.mktemp("observed")
    with collector() as collected:
        ports: dict[str, int] = {}
        for name in PROCESSES:
            ports[name] = free_port(ports.values())
        env = {f"BOXOFFICE_{name}__METRICS_PORT": str(port) for name, port in ports.items()}
        env |= {
            "BOXOFFICE_TELEMETRY__LOG_FORMAT": "json",
            "BOXOFFICE_TELEMETRY__OTLP_ENDPOINT": f"http://127.0.0.1:{collected.port}",
        }
        stack, child = await start_stack(place, env={**QUICK, **env}, up=UP)
        try:
            yield Observed(stack, ports, collected)
        finally:
            await stop_stack(place, child)


async def sell(shop: Shop) -> str:
    """Sell two tickets to a named buyer; return the purchase's id."""
    await shop.open()
    buyer = {"name": "Ann Example", "email": EMAIL}
    body = (await shop.buy("observed", 2, buyer=buyer)).json()
    assert await shop.pay(body["client_secret"]) == httpx.codes.OK
    assert (await shop.ended(body["purchase_id"]))["state"] == "fulfilled"
    return str(body["purchase_id"])


async def spans_of(collected: Collected, trace_id: bytes, wanted: set[str]) -> list[tuple[str, Span]]:
    """Return the spans of a trace, once those that are wanted have come."""
    async with asyncio.timeout(SENT_SECONDS):
        while True:
            found = [(process, span) for process, span in collected.spans if span.trace_id == trace_id]
            if wanted <= {span.name for _, span in found}:
                return found
            await asyncio.sleep(0.2)


def metrics_of(text: str) -> dict[str, float]:
    """Return the samples of a page of metrics."""
    lines = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def check_pages(ports: dict[str, int]) -> None:
    """Each process is live and ready, and its metrics have what it did."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        for name, port in ports.items():
            for path in ("/live", "/ready"):
                answer = await client.get(f"http://127.0.0.1:{port}{path}")
                assert (name, path, answer.status_code) == (name, path, httpx.codes.OK), answer.text
        pages = {name: (await client.get(f"http://127.0.0.1:{port}/metrics")).text for name, port in ports.items()}
    assert EMAIL not in "".join(pages.values())
    api, worker = metrics_of(pages["API"]), metrics_of(pages["WORKER"])
    assert api['boxoffice_holds_total{api="purchase"}'] == 1
    assert api['boxoffice_requests_total{method="POST",route="/api/v1/purchases",status="201"}'] == 1
    assert worker["boxoffice_mint_debt"] in {0, 2}
    assert any(name.startswith("temporal_") for name in api)  # every client of Temporal has metrics
    assert any(name.startswith("temporal_activity_execution_latency") for name in worker)
    assert metrics_of(pages["PROJECTOR"])["boxoffice_projector_events_total"] > 0


async def test_a_purchase_is_observed_from_end_to_end(observed: Observed) -> None:
    """One trace has the spans of every room; probes are well, and no line, span or label has personal data."""
    async with Shop.at(observed.stack) as shop:
        purchase_id = await sell(shop)
    context = trace.get_current_span(trace_of(purchase_id)).get_span_context()
    rooms = {
        "POST /api/v1/purchases",
        "event store commit",
        "StartUpdateWithStartWorkflow:PurchaseWorkflow",
        "RunWorkflow:PurchaseWorkflow",
        "RunActivity:create_intent",
        "stripe POST payment_intents",
        "POST /webhooks/stripe",
        "SignalWorkflow:look_again",
        "HandleSignal:look_again",
        "RunActivity:capture_payment",
        "stripe POST payment_intents/capture",
        "RunActivity:mint_ticket",
        "solana sendTransaction",
        "RunActivity:settle_sale",
    }
    spans = await spans_of(observed.collected, context.trace_id.to_bytes(16), rooms)
    assert {process for process, _ in spans} == {"boxoffice-api", "boxoffice-worker"}
    assert EMAIL not in "".join(str(span) for _, span in observed.collected.spans)

    ids = {"purchase_id": purchase_id, "trace_id": trace.format_trace_id(context.trace_id)}
    lines: list[dict[str, Any]] = []
    for name in ("api", "worker", "projector"):
        text = (observed.stack.folder / "logs" / f"{name}.log").read_text()
        assert EMAIL not in text
        lines += [json.loads(line) for line in text.splitlines()]
    assert all({"time", "level"} <= line.keys() for line in lines)
    [request] = [line for line in lines if line.get("route") == "/api/v1/purchases"]
    assert {name: request[name] for name in ids} == ids
    await check_pages(observed.ports)
