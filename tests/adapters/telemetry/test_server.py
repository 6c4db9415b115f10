"""Each process serves its metrics and its probes, within deadlines."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import httpx
import pytest
from prometheus_client import start_http_server

from adapters.telemetry import loop
from adapters.telemetry import server as serving
from adapters.telemetry.server import NotReady, Probes, Pulse, Server


def fine() -> None: ...


@contextmanager
def serve(live: Callable[[], None] = fine, ready: Callable[[], None] = fine, **more: int) -> Iterator[httpx.Client]:
    running = Server("127.0.0.1", 0, Probes(live, ready), **more)
    with httpx.Client(base_url=f"http://127.0.0.1:{running.port}", trust_env=False) as client:
        yield client
    running.close()


def test_a_well_process_is_live_and_ready() -> None:
    """And its metrics are there; nothing else is."""
    with serve() as client:
        assert (client.get("/live").status_code, client.get("/ready").status_code) == (HTTPStatus.OK, HTTPStatus.OK)
        assert loop.COMMIT_QUEUE._name in client.get("/metrics").text
        assert client.get("/else").status_code == HTTPStatus.NOT_FOUND


def test_a_probe_tells_why_it_fails() -> None:
    """With the reason in words."""

    def away() -> None:
        raise NotReady("PostgreSQL does not answer")

    with serve(ready=away) as client:
        answer = client.get("/ready")
        assert (answer.status_code, answer.text) == (503, "NotReady: PostgreSQL does not answer\n")
        assert client.get("/live").status_code == HTTPStatus.OK


def test_a_check_that_hangs_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe answers at its deadline, and the next one too."""
    monkeypatch.setattr(serving, "READY_SECONDS", 0.1)
    held = threading.Event()

    def hang() -> None:
        held.wait(10)

    with serve(ready=hang) as client:
        began = time.monotonic()
        assert [client.get("/ready").status_code for _ in range(2)] == [503, 503]
        assert time.monotonic() - began < 5
        held.set()


def test_a_loop_that_hangs_is_not_live() -> None:
    """Its last sign of life is too old."""
    now = [0.0]
    pulse = Pulse(lambda: now[0])
    pulse.check()
    now[0] = serving.LIVE_SECONDS + 1
    with pytest.raises(NotReady, match="11 seconds"):
        pulse.check()
    pulse.beat()
    pulse.check()


def test_metrics_of_temporals_library_stand_beside_ours() -> None:
    """Both under one address; while the library serves none, ours are there."""
    engine, _ = start_http_server(0, "127.0.0.1")
    with serve(engine_port=engine.server_port) as client:
        assert client.get("/metrics").text.count("# HELP boxoffice_commit_queue ") == 2
    engine.shutdown()
    engine.server_close()
    with serve(engine_port=engine.server_port) as client:
        assert client.get("/metrics").text.count("# HELP boxoffice_commit_queue ") == 1
