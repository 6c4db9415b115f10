"""A Stripe emulator per module, and Stripe's own library as its client."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import stripe

from tests.devstack.stripe.emulator import SECRET, Emulator
from tests.devstack.stripe.webhooks import sink, webhook_emulator, webhook_process

__all__ = ["sink", "webhook_emulator", "webhook_process"]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("stripe") / "state.sqlite") as emulator:
        yield emulator


@pytest.fixture
async def api(emulator: Emulator) -> AsyncIterator[Any]:
    http: Any = stripe.HTTPXClient(timeout=10)  # its `close_async` has no types
    client = stripe.StripeClient(SECRET, base_addresses={"api": emulator.url}, max_network_retries=0, http_client=http)
    yield client.v1
    emulator.client.delete("/_emulator/faults")
    await http.close_async()
