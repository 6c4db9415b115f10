"""With a proxy each of our programs reaches each server by its own route."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from devstack.proxy_routes import BUYERS, CONTROL, PROXY_ROUTES, ROUTES, WEBHOOKS
from devstack.stack import ROOT, running_stack
from devstack.supervisor.data_dir import read_json

UP = (sys.executable, str(ROOT / "tests" / "devstack" / "up_with_stand_ins.py"))


async def test_each_program_reaches_the_world_by_its_own_route(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API's addresses and the webhook's target are the proxy's; refusing one route affects one program only."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    async with running_stack(tmp_path / "stack", env={"STAND_IN_PROXY": "1"}, up=UP) as stack:
        ports = stack.status["ports"]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports[CONTROL]}", trust_env=False) as control:
            assert set((await control.get("/routes")).json()) == set(ROUTES)
            health = f"http://127.0.0.1:{ports[BUYERS]}/health"
            seen = (await control.get(health)).json()["env"]
            for name, route in PROXY_ROUTES.items():
                if route.program == "api":
                    assert seen[route.setting].rpartition(":")[2].partition("/")[0] == str(ports[name])
            endpoints = read_json(tmp_path / "stack" / "stripe" / "state")["endpoints"]
            assert [urlsplit(endpoint["url"]).port for endpoint in endpoints] == [ports[WEBHOOKS]] * 2
            await control.post("/routes/api.postgres", json={"mode": "refuse"})
            with pytest.raises(psycopg.OperationalError):
                await psycopg.AsyncConnection.connect(seen["BOXOFFICE_POSTGRES__URL"])
            async with await psycopg.AsyncConnection.connect(stack.env["BOXOFFICE_POSTGRES__URL"]) as connection:
                await connection.execute("select 1")
