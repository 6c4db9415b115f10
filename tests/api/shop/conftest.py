"""The shop over fakes: a browser without a key, and a show on sale."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from api.terms import ShopTerms
from tests.api.routes.on_sale import open_show
from tests.fakes.api_client import api_client, app_over
from tests.fakes.judged import judged
from tests.fakes.shop_world import ApiWorld

PAY_PAGE = "http://stripe.example/pay"
SHOP = ShopTerms("default", "http://boxoffice", PAY_PAGE)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[ApiWorld]:
    with judged(ApiWorld(), request) as made:
        yield made


@pytest.fixture
async def show(world: ApiWorld) -> dict[str, Any]:
    async with api_client(app_over(world.deps())) as operator:
        return await open_show(operator, world)


@pytest.fixture
async def browser(world: ApiWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with api_client(app_over(replace(world.deps(), shop=SHOP)), key="") as client:
        yield client
