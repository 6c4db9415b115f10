"""Fixtures of webhook tests: a receiver, and an emulator without endpoints and faults afterwards."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.devstack.stripe.emulator import SECRET, Emulator
from tests.devstack.stripe.webhook_sink import Sink

FORM = {
    "amount": "2208",
    "currency": "eur",
    "metadata[purchase_id]": "pu_1",
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
}


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


@pytest.fixture(scope="module")
def webhook_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("stripe") / "state.sqlite") as emulator:
        yield emulator


@pytest.fixture
def webhook_emulator(webhook_process: Emulator) -> Iterator[Emulator]:
    yield webhook_process
    webhook_process.client.delete("/_emulator/faults")
    for one in webhook_process.client.get("/v1/webhook_endpoints", auth=(SECRET, "")).json()["data"]:
        webhook_process.client.delete(f"/v1/webhook_endpoints/{one['id']}", auth=(SECRET, ""))


def post(emulator: Emulator, path: str, form: dict[str, str]) -> dict[str, Any]:
    answer = emulator.client.post(path, data=form, auth=(SECRET, ""))
    answer.raise_for_status()
    return dict(answer.json())


def listen(emulator: Emulator, url: str, events: str = "payment_intent.*", **more: str) -> str:
    return str(post(emulator, "/v1/webhook_endpoints", {"url": url, "enabled_events[]": events, **more})["secret"])
