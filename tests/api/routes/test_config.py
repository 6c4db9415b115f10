"""What a browser asks first: the publishable key, and the rules of the currencies."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from tests.fakes.api_client import api_client, app_over
from tests.fakes.shop_world import ApiWorld


@pytest.fixture(params=["", "pk_test_1"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    deps = replace(ApiWorld().deps(), publishable_key=request.param)
    async with api_client(app_over(deps), key="") as client:
        client.headers["X-Expected"] = request.param
        yield client


async def test_a_browser_asks_without_a_key(client: httpx.AsyncClient) -> None:
    """The key is null where none is set; each currency has its rules."""
    answer = (await client.get("/api/v1/config")).raise_for_status().json()
    assert answer["publishable_key"] == (client.headers["X-Expected"] or None)
    rules = {"decimals": 0, "step": 1, "least_minor": 50, "most_minor": 99_999_999}
    assert answer["currencies"]["jpy"] == rules
    assert answer["currencies"]["kwd"]["step"] == 10
    assert len(answer["currencies"]) > 135
