"""Requests per minute are limited by address and by key; health pages and webhooks are counted apart."""

from typing import Any

import httpx
import pytest

from adapters.postgres.rate_limits import MemoryCounters
from api.http.limits.rates import RateLimits, Rates, address_of
from api.http.problems import Problem
from domain.core.transient import TransientError
from tests.api.http.served import HOST, served
from tests.fakes.api_client import EVERY_SCOPE, api_client, app_over
from tests.fakes.shop_world import ApiWorld

SHOW = "/api/v1/shows/sh_none"
PURCHASES = "/api/v1/purchases"
WANTED = {"show_id": "sh_1", "items": [{"ticket_type_id": "tt_1", "quantity": 1}]}
FEW = Rates(subject=2, address=2, health=3, webhook=4)


def limited(rates: Rates = FEW) -> ApiWorld:
    world = ApiWorld()
    world.check_rate = RateLimits(MemoryCounters(), rates).check
    return world


async def statuses(world: ApiWorld, method: str, path: str, times: int, api_key: str = "", **options: Any) -> list[int]:
    async with api_client(app_over(world.deps()), key=api_key) as client:
        return [(await client.request(method, path, **options)).status_code for _ in range(times)]


async def test_beyond_the_limit_of_an_address_the_answer_is_429() -> None:
    """It says when the next request passes."""
    async with api_client(app_over(limited().deps()), key="") as client:
        answers = [await client.get(SHOW) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [404, 404, 429]
    assert answers[-1].json()["type"] == "urn:boxoffice:problem:rate-limited"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


async def test_without_the_limit_the_same_requests_pass() -> None:
    """The world of the other tests has no limit."""
    assert await statuses(ApiWorld(), "GET", SHOW, 3) == [404, 404, 404]


async def test_the_fast_path_is_behind_the_limit() -> None:
    """The third purchase is refused and the event store is not asked."""
    world = limited()
    headers = {"Idempotency-Key": "k"}
    assert await statuses(world, "POST", PURCHASES, 3, EVERY_SCOPE, json=WANTED, headers=headers) == [404, 404, 429]


async def test_a_key_that_everybody_may_have_is_counted_by_address_too() -> None:
    """A secret key is counted alone: a shop's server is one address for all of its buyers."""
    world = limited(Rates(subject=100, address=2))
    publishable = await world.key("purchase", kind="publishable")
    headers = {"Idempotency-Key": "0b7e9c1e-5f1d-4a53-9d0c-1f6f6f0a7a51"}
    for key, last in ((await world.key("purchase"), 404), (publishable, 429)):
        assert (await statuses(world, "POST", PURCHASES, 3, key, json=WANTED, headers=headers))[-1] == last
    assert await statuses(limited(), "GET", SHOW, 3, "bo_sk_00_guess") == [401, 401, 429]


async def test_health_pages_and_webhooks_have_limits_of_their_own() -> None:
    """An address that has spent its requests is still probed, and Stripe's webhooks arrive."""
    world = limited()
    assert await statuses(world, "GET", SHOW, 3) == [404, 404, 429]
    assert await statuses(world, "GET", "/health", 4) == [200, 200, 200, 429]
    assert await statuses(world, "POST", "/webhooks/stripe", 5, content=b"{}") == [400, 400, 400, 400, 429]


async def test_a_key_has_a_limit_over_all_its_addresses() -> None:
    """The address alone is not beyond its own."""
    limits = RateLimits(MemoryCounters(), FEW)
    await limits.check("key_1", "192.0.2.1")
    await limits.check("key_1", "192.0.2.2")
    with pytest.raises(Problem, match="more than 2 requests"):
        await limits.check("key_1", "192.0.2.3")
    await limits.check("key_2", "192.0.2.3")
    await limits.check(None, None)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("a.socket", "unknown"),
    ],
)
def test_the_address_of_a_client(host: str, expected: str) -> None:
    """A subscriber has all the addresses of an IPv6 network, so they are one."""
    assert address_of({"client": (host, 1)}) == expected
    assert address_of({"client": None}) == "unknown"


async def test_counters_that_cannot_be_reached_are_503() -> None:
    """Nothing passes uncounted but the page that says only that the process lives."""
    world = ApiWorld()

    async def away(*_: object) -> None:
        raise TransientError("PostgreSQL is away")

    world.check_rate = away
    assert await statuses(world, "GET", SHOW, 1) == [503]
    for key in ("", "bo_sk_00_guess"):  # a key is not looked up
        assert await statuses(world, "GET", "/health/live", 1, key) == [200]


async def test_counters_in_memory_are_bounded() -> None:
    """The oldest makes room: many addresses cost no more memory than a few."""
    counters = MemoryCounters(counters_max=3)
    for number in range(5):
        await counters.incr(f"key_{number}", 60)
    assert [await counters.get(f"key_{number}") for number in range(5)] == [0, 0, 1, 1, 1]


TRUSTED = [("", [404, 404, 429]), ("192.0.2.9", [404, 404, 429]), (HOST, [404, 404, 404])]


@pytest.mark.parametrize(("trusted", "expected"), TRUSTED)
async def test_a_forwarded_address_is_believed_from_a_trusted_proxy_only(trusted: str, expected: list[int]) -> None:
    """Anybody can send the header: without the setting, or from another address, it makes no difference."""
    async with (
        served(limited(), trusted_proxies=trusted) as port,
        httpx.AsyncClient(base_url=f"http://{HOST}:{port}") as client,
    ):
        found = [
            (await client.get(SHOW, headers={"X-Forwarded-For": f"192.0.2.{number}"})).status_code
            for number in range(3)
        ]
    assert found == expected


async def test_a_key_beside_a_token_does_not_leave_a_request_uncounted() -> None:
    """Whoever sends any key with a guessed token is counted by address, too."""
    headers = {"Purchase-Token": "pt_guess"}
    found = await statuses(limited(), "GET", f"{PURCHASES}/pu_none", 3, "bo_sk_00_guess", headers=headers)
    assert found == [404, 404, 429]
