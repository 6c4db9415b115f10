"""The supervisor starts, keeps, continues and stops the stack: real PostgreSQL and Temporal, stand-ins for the rest."""

import asyncio
import json
import os
import signal
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
from temporalio.client import Client
from typer.testing import CliRunner

from cli.main import app
from devstack.stack import ROOT, Stack, StackFailedError, running_stack, start_stack, stop_stack, up_command
from devstack.supervisor.data_dir import StackSecrets, read_json
from settings import secret_settings
from settings.check import TAKES, needs_of, withheld

UP = (sys.executable, str(ROOT / "tests" / "devstack" / "up_with_stand_ins.py"))
PROCESSES = {"postgres", "temporal", "stripe", "chain", "inbox", "projector", "worker", "api"}
OUTSIDE = {
    "BOXOFFICE_POSTGRES__URL": "postgresql://someone:pass-word@127.0.0.1:9/elsewhere",
    "BOXOFFICE_TEMPORAL__ADDRESS": "127.0.0.1:9",
    "BOXOFFICE_STRIPE__API_BASE": "http://127.0.0.1:9",
    "BOXOFFICE_STRIPE__API_KEY": "sk_test_given",
    "BOXOFFICE_STRIPE__WEBHOOK_SECRET": "whsec_given",
    "BOXOFFICE_SOLANA__RPC_URL": "http://127.0.0.1:9/?api-key=pass-word",
}


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the supervisor find the project, without the caller's settings."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in [name for name in os.environ if name.startswith("BOXOFFICE_")]:
        monkeypatch.delenv(name)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def family(pid: int) -> list[int]:
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


async def still_alive(pids: list[int], seconds: float = 15.0) -> list[int]:
    until = time.monotonic() + seconds
    while time.monotonic() < until and any(alive(pid) for pid in pids):  # noqa: ASYNC110 - processes send no event
        await asyncio.sleep(0.05)
    return [pid for pid in pids if alive(pid)]


async def api_env(stack: Stack) -> dict[str, str]:
    async with httpx.AsyncClient(trust_env=False) as client:
        return dict((await client.get(f"{stack.urls['api']}/health")).json()["env"])


async def run_up(folder: Path, env: dict[str, str] | None = None, **ports: int) -> tuple[int, str]:
    """Run a supervisor that is expected to exit; return its exit status and its output."""
    child = await asyncio.create_subprocess_exec(
        *up_command(folder, ports, UP),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
    )
    try:
        _, output = await asyncio.wait_for(child.communicate(), timeout=30)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert child.returncode is not None
    return child.returncode, output.decode()


async def start_workflow(address: str) -> None:
    client = await Client.connect(address)
    await client.start_workflow("Nobody", id="kept-over-a-crash", task_queue="nobody")


async def workflow_ids(address: str) -> set[str]:
    client = await Client.connect(address)
    found: set[str] = set()
    until = time.monotonic() + 10
    while not found and time.monotonic() < until:  # the list is eventually consistent
        found = {one.id async for one in client.list_workflows()}
        await asyncio.sleep(0.05)
    return found


async def test_a_stack_restarts_killed_processes_refuses_a_second_and_leaves_none(tmp_path: Path) -> None:
    """Every process is healthy and listed; a killed one restarts; a second `up` is refused; SIGTERM leaves none."""
    folder = tmp_path / "stack"
    async with running_stack(folder, up=UP) as stack:
        status = stack.status
        assert set(status["processes"]) == PROCESSES
        assert {process["state"] for process in status["processes"].values()} == {"healthy"}
        secrets = read_json(folder / "secrets.json")
        assert stat.S_IMODE((folder / "secrets.json").stat().st_mode) == 0o600
        written = (folder / "stack.json").read_text()
        assert not [name for name, secret in secrets["env"].items() if secret in written]

        assert (await api_env(stack)).items() >= {
            name: stack.env[name] for name in stack.env.keys() - withheld()["api"]
        }.items()
        for name in ("api", "worker", "projector"):
            told = folder / "ready" / f"{name}.env"
            environment = read_json(told) or await api_env(stack)
            assert not psutil.Process(stack.pid_of(name)).environ().keys() & secret_settings()
            used = needs_of(name) | TAKES.get(name, frozenset())
            assert environment.keys() & secret_settings() == used & secret_settings() & stack.env.keys()
        endpoint = read_json(folder / "stripe" / "state")["endpoints"]
        secret_of = {one["url"].removeprefix(stack.urls["api"]): one["secret"] for one in endpoint}
        assert secret_of == {
            "/webhooks/stripe": stack.env["BOXOFFICE_STRIPE__WEBHOOK_SECRET"],
            "/webhooks/stripe/connect": stack.env["BOXOFFICE_STRIPE__CONNECT_WEBHOOK_SECRET"],
        }
        chain = read_json(folder / "chain" / "state")
        assert (chain["airdrops"], min(chain["balances"].values()) >= 100 * 10**9) == (1, True)

        seen = set(family(stack.pid))
        for name in ("worker", "temporal", "postgres"):
            old = stack.kill(name)
            assert await stack.healthy_again(name, old) != old
            assert stack.status["processes"][name]["restarts"] == 1
        async with await psycopg.AsyncConnection.connect(stack.env["BOXOFFICE_POSTGRES__URL"]) as connection:
            shown = await connection.execute("select current_setting('fsync'), current_setting('server_version_num')")
            row = await shown.fetchone()
            assert row is not None
            fsync, version = row
            assert (fsync, version[:2]) == ("on", "18")

        code, output = await run_up(folder)
        assert (code, "already running" in output) == (1, True)
        seen |= set(family(stack.pid))
    assert await still_alive(sorted(seen)) == []
    assert stack.status["state"] == "stopped"


async def test_the_same_folder_continues_after_kill_9(tmp_path: Path) -> None:
    """After SIGKILL of the supervisor its processes end; the next `up` has the row, the workflow and the addresses."""
    folder = tmp_path / "stack"
    stack, child = await start_stack(folder, up=UP)
    try:
        before, known = stack.status, family(stack.pid)
        async with await psycopg.AsyncConnection.connect(before["env"]["BOXOFFICE_POSTGRES__URL"]) as connection:
            await connection.execute("create table kept (word text)")
            await connection.execute("insert into kept values ('still here')")
        await start_workflow(before["urls"]["temporal"])
        os.kill(stack.pid, signal.SIGKILL)
        await child.wait()
    finally:
        await stop_stack(folder, child)
    assert await still_alive(known) == []

    async with running_stack(folder, up=UP) as again:
        assert (again.status["ports"], again.urls) == (before["ports"], before["urls"])
        async with await psycopg.AsyncConnection.connect(again.env["BOXOFFICE_POSTGRES__URL"]) as connection:
            assert await (await connection.execute("select word from kept")).fetchall() == [("still here",)]
        assert await workflow_ids(again.urls["temporal"]) == {"kept-over-a-crash"}
        assert len(read_json(folder / "stripe" / "state")["endpoints"]) == 2
        assert read_json(folder / "chain" / "state")["airdrops"] == 1
        known = family(again.pid)
    assert await still_alive(known) == []


async def test_everything_killed_at_once_continues(tmp_path: Path) -> None:
    """SIGKILL of all processes at once leaves a data directory that starts again."""
    folder = tmp_path / "stack"
    stack, child = await start_stack(folder, up=UP)
    try:
        known = family(stack.pid)
        async with await psycopg.AsyncConnection.connect(stack.env["BOXOFFICE_POSTGRES__URL"]) as connection:
            await connection.execute("create table kept (word text)")
        for pid in known:
            with suppress(ProcessLookupError):  # a child dies with its parent, or a backend with its connection
                os.kill(pid, signal.SIGKILL)
        await child.wait()
        async with running_stack(folder, up=UP) as again:
            async with await psycopg.AsyncConnection.connect(again.env["BOXOFFICE_POSTGRES__URL"]) as connection:
                assert await (await connection.execute("select * from kept")).fetchall() == []
            known += family(again.pid)
    finally:
        await stop_stack(folder, child)
    assert await still_alive(known) == []


async def test_given_addresses_replace_processes(tmp_path: Path) -> None:
    """Given addresses replace their processes, reach our own, and are shown without passwords."""
    async with running_stack(tmp_path / "stack", env=OUTSIDE, up=UP) as stack:
        assert set(stack.status["processes"]) == {"projector", "worker", "api", "inbox"}
        assert (await api_env(stack)).items() >= {n: OUTSIDE[n] for n in OUTSIDE.keys() - withheld()["api"]}.items()
        assert "BOXOFFICE_STRIPE__API_KEY" not in await api_env(stack)
        assert "solana_ws" not in stack.urls
        assert "pass-word" not in json.dumps(stack.status)
        assert stack.urls["postgres"] == "postgresql://127.0.0.1:9/elsewhere"


async def test_outside_stripe_needs_its_keys(tmp_path: Path) -> None:
    """An outside Stripe without its key and webhook secret is refused; the error names both settings."""
    status, output = await run_up(tmp_path, {"BOXOFFICE_STRIPE__API_BASE": "http://127.0.0.1:9"})
    assert status == 1
    assert "BOXOFFICE_STRIPE__API_KEY and BOXOFFICE_STRIPE__WEBHOOK_SECRET" in output


async def test_a_process_that_cannot_start_stops_everything_and_shows_its_log(tmp_path: Path) -> None:
    """If a process fails its first start, the error has its name and the end of its log, and the others are stopped."""
    with pytest.raises(StackFailedError, match=r"(?s)worker did not become healthy.*this process cannot start"):
        await start_stack(tmp_path / "stack", env={**OUTSIDE, "STAND_IN_BROKEN": "worker"}, up=UP)
    status = read_json(tmp_path / "stack" / "stack.json")
    assert status["state"] == "stopped"
    assert [process["pid"] for process in status["processes"].values()] == [None] * 4


def started(folder: Path) -> int:
    """Return how many processes of a stack that starts have begun."""
    return sum(bool(process["pid"]) for process in read_json(folder / "stack.json").get("processes", {}).values())


async def test_sigkill_while_importing_leaves_nothing(tmp_path: Path) -> None:
    """Before the supervisor knows its processes, those that import and wait end with it."""
    child = await asyncio.create_subprocess_exec(*up_command(tmp_path / "stack", {}, UP), cwd=ROOT)
    try:
        until = time.monotonic() + 30
        while len(known := family(child.pid)) < 6 and time.monotonic() < until:  # noqa: ASYNC110 - no event either
            await asyncio.sleep(0.005)
    finally:
        child.kill()
        await child.wait()
    assert started(tmp_path / "stack") == 0
    assert len(known) >= 6
    assert await still_alive(known) == []


async def test_sigterm_while_starting_leaves_nothing(tmp_path: Path) -> None:
    """SIGTERM before the stack is ready stops the processes started so far."""
    folder = tmp_path / "stack"
    child = await asyncio.create_subprocess_exec(
        *up_command(folder, {}, UP), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, cwd=ROOT
    )
    try:
        until = time.monotonic() + 30
        while started(folder) < 3 and time.monotonic() < until:  # noqa: ASYNC110 - no event either
            await asyncio.sleep(0.02)
        known = family(child.pid)
        child.terminate()
        assert await asyncio.wait_for(child.wait(), timeout=30) == 0
    finally:
        await stop_stack(folder, child)
    assert await still_alive(known) == []
    assert read_json(folder / "stack.json")["state"] == "stopped"


def test_the_console_script_knows_up() -> None:
    """`boxoffice up` has the options of its contract."""
    # Typer's own runner: no process is needed to read the help.
    output = CliRunner().invoke(app, ["up", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    names = ("api", "temporal", "temporal-ui", "stripe", "solana")
    assert [name for name in names if f"--{name}-port" not in output] == []
    assert "--data-dir" in output
    assert "--json" in output


def test_a_stack_keeps_the_settings_that_it_was_given(tmp_path: Path) -> None:
    """Whoever uses the stack reads them, before the generated ones; the next start replaces them."""
    given = {"BOXOFFICE_STRIPE__API_KEY": "sk_test_given", "BOXOFFICE_API__DEVELOPMENT_KEY": "bo_dev_given"}
    StackSecrets(tmp_path, given)
    (tmp_path / "stack.json").write_text(json.dumps({"env": {"BOXOFFICE_STRIPE__API_BASE": "http://127.0.0.1:1"}}))
    read = Stack(tmp_path, 0).env
    assert {name: read[name] for name in given} == given
    assert (tmp_path / "development.key").read_text() == "bo_dev_given\n"
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    StackSecrets(tmp_path)
    assert Stack(tmp_path, 0).env["BOXOFFICE_STRIPE__API_KEY"] != "sk_test_given"
