"""Two stacks with equal secrets and equal client keys on one Stripe account and one chain."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from devstack.servers.webhook_endpoints import ENDPOINTS, WEBHOOK_PATH
from devstack.stack import UP, Stack, start_stack, stop_stack
from devstack.supervisor.data_dir import ADDRESS_SECRET, API_KEY, DEPLOYMENT_SECRET, ISSUER_SECRET, ROLE_SECRETS
from devstack.supervisor.ports import free_port
from tests.real.conftest import QUICK
from tests.real.shop import Shop

pytestmark = pytest.mark.real
SHARED = (API_KEY, DEPLOYMENT_SECRET, ISSUER_SECRET, ADDRESS_SECRET, *ROLE_SECRETS)
SERVERS = ("BOXOFFICE_STRIPE__API_BASE", "BOXOFFICE_SOLANA__RPC_URL")


class GuestStack(Stack):
    """A stack that uses the servers of another one, by given settings."""

    def __init__(self, stack: Stack, given: Mapping[str, str]) -> None:
        super().__init__(stack.folder, stack.pid)
        self._given = given

    @property
    def env(self) -> dict[str, str]:
        return {**super().env, **self._given}


async def listening(host: Stack, port: int) -> dict[str, str]:
    """Register the webhook endpoints of a second API at the emulator; return the settings of their secrets."""
    given = {}
    async with httpx.AsyncClient(base_url=host.urls["stripe"], auth=(host.env[API_KEY], "")) as http:
        for endpoint in ENDPOINTS:
            form = {
                "url": f"http://127.0.0.1:{port}{WEBHOOK_PATH}{endpoint.suffix}",
                "enabled_events[]": list(endpoint.events),
                "connect": str(endpoint.connect).lower(),
            }
            answer = await http.post("/v1/webhook_endpoints", data=form)
            given[endpoint.secret] = str(answer.raise_for_status().json()["secret"])
            given[f"id of {endpoint.secret}"] = str(answer.json()["id"])
    return given


@asynccontextmanager
async def guest_of(host: Stack, folder: Path) -> AsyncIterator[GuestStack]:
    """Run a second stack with its own database and engine on the first one's emulator, chain and secrets."""
    port = free_port()
    endpoints = await listening(host, port)
    secrets = {name: value for name, value in endpoints.items() if not name.startswith("id of ")}
    given = {name: host.env[name] for name in (*SHARED, *SERVERS)} | secrets
    guest, child = await start_stack(folder, {"api": port}, env={**QUICK, **given}, up=(*UP, "--headless"))
    try:
        yield GuestStack(guest, given)
    finally:
        await stop_stack(guest.folder, child)
        async with httpx.AsyncClient(base_url=host.urls["stripe"], auth=(host.env[API_KEY], "")) as http:
            for name in endpoints.keys() - secrets.keys():
                (await http.delete(f"/v1/webhook_endpoints/{endpoints[name]}")).raise_for_status()


async def sold(shop: Shop) -> list[str]:
    """Sell, cancel and refund, under keys that do not name the shop; return the purchases."""
    opened = [(await shop.buy(f"two-{name}", 2)).json() for name in ("kept", "cancelled", "refunded")]
    ids = [str(body["purchase_id"]) for body in opened]
    await shop.http.delete(f"/api/v1/purchases/{ids[1]}")
    for body in (opened[0], opened[2]):
        assert await shop.pay(body["client_secret"]) == httpx.codes.OK
    ends = [(await shop.ended(purchase_id))["state"] for purchase_id in ids]
    assert ends == ["fulfilled", "cancelled", "fulfilled"]
    made = (await shop.refund(ids[2], "two-refund")).json()
    await shop.refunded(ids[2], made["refund_id"])
    return [*ids, str(made["refund_id"])]


@pytest.mark.timeout(300)
@pytest.mark.nightly
async def test_equal_keys_end_right_in_each_deployment(shop: Shop, tmp_path: Path) -> None:
    """No id is shared, every purchase ends in its own deployment, and both reconcile whole."""
    async with guest_of(shop.stack, tmp_path / "guest") as guest, Shop.at(guest) as other:
        shops = (shop, other)
        await asyncio.gather(*(each.open(key="two") for each in shops))
        mine, theirs = await asyncio.gather(*(sold(each) for each in shops))
        ids = {*mine, *theirs, *(name for each in shops for name in (each.venue_id, each.show_id, each.seat))}
        assert len(ids) == len(mine) + len(theirs) + 6
        for each, names in zip(shops, (mine, theirs), strict=True):
            assert await each.check_sums(names[:3]) == {"fulfilled": 2, "cancelled": 1}
        report = await other.at_rest(set(theirs[:3]))
        assert (report.payments - report.foreign, report.foreign >= 3) == (3, True)
        assert report.findings.violations == []
