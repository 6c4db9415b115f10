"""The whole real stack, once for all tests that need it."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator

import pytest

from devstack.stack import Stack, start_stack, stop_stack
from tests.real.shop import CODEC_KEYS, Shop
from tests.real.up import UP

QUICK = {
    "BOXOFFICE_SAGA__POLL_SECONDS": "5",
    "BOXOFFICE_SAGA__PROCESSING_EXTENSION_SECONDS": "5",
    "BOXOFFICE_STRIPE__UNDELIVERED_POLL_SECONDS": "5",
    "BOXOFFICE_TEMPORAL__CODEC_KEYS": ",".join(f"{name}:{b64encode(key).decode()}" for name, key in CODEC_KEYS.items()),
}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start the stack, and leave no process behind."""
    folder = tmp_path_factory.mktemp("stack")
    with asyncio.Runner() as runner:
        started, child = runner.run(start_stack(folder, env=QUICK, up=UP))
        try:
            yield started
        finally:
            runner.run(stop_stack(folder, child))


@pytest.fixture
async def shop(stack: Stack) -> AsyncIterator[Shop]:
    async with Shop.at(stack) as opened:
        yield opened
