"""The webhook endpoint is registered once per address, and its secret is never lost."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devstack.servers.webhook_endpoints import ENDPOINTS, register_webhook
from devstack.supervisor.data_dir import CONNECT_WEBHOOK_SECRET, WEBHOOK_SECRET, StackSecrets, read_json
from devstack.supervisor.ports import choose_ports, is_free
from domain.payments.webhook_event import SUBSCRIBED, SUBSCRIBED_CONNECT

STAND_IN = Path(__file__).parents[1] / "stand_in.py"
TARGET = "http://127.0.0.1:1/webhooks/stripe"


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[str]:
    """A stand-in for the emulator with its state in the test's folder."""
    port = choose_ports({"stripe": 0}, {}, tmp_path / "ports.json")["stripe"]
    flags = ("stripe", "--port", str(port), "--state", str(tmp_path / "state"))
    child = await asyncio.create_subprocess_exec(sys.executable, str(STAND_IN), *flags)
    try:
        async with asyncio.timeout(20):
            while is_free(port):  # noqa: ASYNC110 - a starting process sends no event
                await asyncio.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.kill()
        await child.wait()


def endpoints(folder: Path) -> list[tuple[str, str]]:
    return sorted((one["url"], one["secret"]) for one in read_json(folder / "state")["endpoints"])


def both(target: str, secrets: dict[str, str]) -> list[tuple[str, str]]:
    """Return our endpoints: one for our events, one for the venues'."""
    return [(target, secrets[WEBHOOK_SECRET]), (f"{target}/connect", secrets[CONNECT_WEBHOOK_SECRET])]


async def test_an_endpoint_is_used_again_and_replaced_when_its_address_or_secret_changed(
    tmp_path: Path, emulator: str
) -> None:
    """The same address keeps its secret over a restart; a new address or a lost secret replaces the endpoint."""
    first = await register_webhook(emulator, "sk_test_1", TARGET, StackSecrets(tmp_path))
    assert endpoints(tmp_path) == both(TARGET, first)
    assert await register_webhook(emulator, "sk_test_1", TARGET, StackSecrets(tmp_path)) == first

    moved = TARGET.replace(":1/", ":2/")
    second = await register_webhook(emulator, "sk_test_1", moved, StackSecrets(tmp_path))
    assert endpoints(tmp_path) == both(moved, second)

    (tmp_path / "secrets.json").unlink()
    third = await register_webhook(emulator, "sk_test_1", moved, StackSecrets(tmp_path))
    assert endpoints(tmp_path) == both(moved, third)
    assert len({first[WEBHOOK_SECRET], second[WEBHOOK_SECRET], third[WEBHOOK_SECRET]}) == 3


def test_the_endpoints_are_sent_what_the_program_acts_on_and_nothing_else() -> None:
    """The devstack may not import the domain, so their event types are compared here."""
    assert {one.suffix: frozenset(one.events) for one in ENDPOINTS} == {"": SUBSCRIBED, "/connect": SUBSCRIBED_CONNECT}
