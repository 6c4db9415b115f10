"""The API over fakes, a client with a key of every scope, and a show on sale; a file with other terms replaces them."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from api.described import DescribedApp
from tests.api.routes.on_sale import open_show
from tests.fakes.api_client import api_client, app_over
from tests.fakes.judged import judged
from tests.fakes.shop_world import ApiWorld


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[ApiWorld]:
    with judged(ApiWorld(), request) as made:
        yield made


@pytest.fixture
def app(world: ApiWorld) -> DescribedApp:
    return app_over(world.deps())


@pytest.fixture
async def client(app: DescribedApp) -> AsyncIterator[httpx.AsyncClient]:
    async with api_client(app, raise_app_exceptions=True) as client:
        yield client


@pytest.fixture
async def show(client: httpx.AsyncClient, world: ApiWorld) -> dict[str, Any]:
    return await open_show(client, world)
