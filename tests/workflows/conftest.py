"""The time-skipping server and the world of a workflow test: one per test, since the server has one clock."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from adapters.temporal.connect import data_converter
from tests.fakes.engines import skipping_server
from tests.fakes.judged import judged_at_rest
from tests.fakes.world import SagaWorld

CODEC_KEYS = {"test": bytes(range(32))}  # every workflow test runs with encrypted payloads


@pytest.fixture
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    async with await skipping_server(data_converter(CODEC_KEYS)) as environment:
        yield environment


@pytest.fixture
async def world(skipping: WorkflowEnvironment, request: pytest.FixtureRequest) -> AsyncIterator[SagaWorld]:
    """A world whose invariants are checked at the end of the test."""
    async with judged_at_rest(SagaWorld(skipping), request) as made, made.running():
        yield made


@pytest.fixture
def client(skipping: WorkflowEnvironment) -> Client:
    return skipping.client
