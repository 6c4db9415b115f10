"""A silent connection to the engine is replaced within seconds, not within a minute."""

import asyncio
import time
from pathlib import Path

from temporalio.service import RPCError

import worker
from devstack.proxy.route import NetworkConditions, Route
from devstack.supervisor.ports import choose_ports
from settings import Settings
from settings.groups import TemporalSettings
from tests.fakes.engines import dev_server

NOTICED_SECONDS_MAX = 25.0
CALL_SECONDS = 1.0


async def test_a_silent_connection_to_the_engine_is_replaced(tmp_path: Path) -> None:
    """After a firewall dropped the connection, the worker's client reconnects by itself."""
    port = choose_ports({"listen": 0}, {}, tmp_path / "ports.json")["listen"]
    async with await dev_server() as engine:
        target = int(engine.client.service_client.config.target_host.rpartition(":")[2])
        route = Route("worker.temporal", port, target)
        await route.open()
        client = await worker.connect(Settings(temporal=TemporalSettings(address=f"127.0.0.1:{port}")))
        assert await client.service_client.check_health()
        await route.set_conditions(NetworkConditions(mode="half_open"))
        await route.set_conditions(NetworkConditions())
        began = time.monotonic()
        while time.monotonic() < began + NOTICED_SECONDS_MAX:
            try:
                async with asyncio.timeout(CALL_SECONDS):
                    if await client.service_client.check_health():
                        break
            except (RPCError, TimeoutError):
                continue
        else:
            raise AssertionError(f"not noticed after {NOTICED_SECONDS_MAX} s")
        await route.close()
        route.cut()
