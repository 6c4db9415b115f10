"""The whole real stack, once per process for all tests of this folder."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator

import pytest

from devstack.stack import Stack, start_stack, stop_stack
from tests.real.shop import CODEC_KEYS, Shop
from tests.real.up import UP

QUICK = {
    "BOXOFFICE_SAGA__POLL_SECONDS": "5",
    "BOXOFFICE_SAGA__PROCESSING_EXTENSION_SECONDS": "5",
    "BOXOFFICE_SOLANA__ROOTS_EVERY_SECONDS": "1",
    "BOXOFFICE_STRIPE__UNDELIVERED_POLL_SECONDS": "5",
    "BOXOFFICE_TEMPORAL__CODEC_KEYS": ",".join(f"{name}:{b64encode(key).decode()}" for name, key in CODEC_KEYS.items()),
    "BOXOFFICE_WEBHOOKS__ALLOW_PRIVATE": "true",
}
STARTED = pytest.StashKey[Stack | Exception]()


@pytest.fixture
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Return the stack, which the first test starts and the last test of the folder stops.

    A session's fixture would run until the last test of all: a stack at rest takes a tenth of a core.
    """
    folder: pytest.Dir = request.node.getparent(pytest.Dir)
    if STARTED not in folder.stash:
        start(folder, tmp_path_factory)
    started = folder.stash[STARTED]
    if isinstance(started, Exception):
        raise started
    return started


def start(folder: pytest.Dir, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Start the stack until the folder is done; one that does not start is not tried again."""
    runner = asyncio.Runner()
    place = tmp_path_factory.mktemp("stack")

    def stop() -> None:
        del folder.stash[STARTED]
        runner.close()

    folder.addfinalizer(stop)
    try:
        folder.stash[STARTED], child = runner.run(start_stack(place, env=QUICK, up=UP))
    except Exception as error:  # noqa: BLE001 - each test raises it
        folder.stash[STARTED] = error
    else:
        folder.addfinalizer(lambda: runner.run(stop_stack(place, child)))


@pytest.fixture
async def shop(stack: Stack) -> AsyncIterator[Shop]:
    async with Shop.at(stack) as opened:
        yield opened
