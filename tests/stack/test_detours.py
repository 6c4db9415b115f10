"""With a proxy every program of ours reaches the world by a route of its own."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from devstack.detours import BUYERS, CONTROL, DETOURS, ROUTES, WEBHOOKS
from devstack.stack import ROOT, running_stack
from devstack.state import read_json

UP = (sys.executable, str(Path(__file__).parent / "up_with_standins.py"))


async def test_each_program_reaches_the_world_by_its_own_route(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API's addresses and the webhook's target are the proxy's; a refused route stops one program's way only."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    async with running_stack(tmp_path / "stack", env={"STANDIN_DETOUR": "1"}, up=UP) as stack:
        ports = stack.facts["ports"]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports[CONTROL]}", trust_env=False) as control:
            assert set((await control.get("/routes")).json()) == set(ROUTES)
            door = f"http://127.0.0.1:{ports[BUYERS]}/health"
            seen = (await control.get(door)).json()["env"]
            for name, detour in DETOURS.items():
                if detour.program == "api":
                    assert seen[detour.setting].rpartition(":")[2].partition("/")[0] == str(ports[name])
            endpoints = read_json(tmp_path / "stack" / "stripe" / "state")["endpoints"]
            assert [urlsplit(endpoint["url"]).port for endpoint in endpoints] == [ports[WEBHOOKS]] * 2
            await control.post("/routes/api.postgres", json={"mode": "refuse"})
            with pytest.raises(psycopg.OperationalError):
                await psycopg.AsyncConnection.connect(seen["BOXOFFICE_POSTGRES__URL"])
            async with await psycopg.AsyncConnection.connect(stack.env["BOXOFFICE_POSTGRES__URL"]) as connection:
                await connection.execute("select 1")
