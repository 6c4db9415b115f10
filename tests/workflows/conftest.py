"""The time-skipping server and the world of a workflow test. Tests of a process share the server, one after another."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from adapters.temporal.connect import data_converter
from tests.fakes.judged import judged_at_rest
from tests.fakes.kept_server import KeptServer
from tests.fakes.world import SagaWorld

CODEC_KEYS = {"test": bytes(range(32))}  # every workflow test runs with encrypted payloads


@pytest.fixture(scope="session")
def kept_server() -> Iterator[KeptServer]:
    kept = KeptServer(data_converter(CODEC_KEYS))
    yield kept
    asyncio.run(kept.close())


@pytest.fixture
async def skipping(kept_server: KeptServer) -> AsyncIterator[WorkflowEnvironment]:
    async with kept_server.lent() as environment:
        yield environment


@pytest.fixture
async def world(skipping: WorkflowEnvironment, request: pytest.FixtureRequest) -> AsyncIterator[SagaWorld]:
    """A world whose invariants are checked at the end of the test."""
    async with judged_at_rest(SagaWorld(skipping), request) as made, made.running():
        yield made


@pytest.fixture
def client(skipping: WorkflowEnvironment) -> Client:
    return skipping.client
