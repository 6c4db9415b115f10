"""docs/stripe.md, word by word: its commands run in one shell, with the emulator in the place of Stripe."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.servers.webhook_endpoints import PLATFORM_EVENTS, VENUE_EVENTS
from devstack.stripe.payments.payment_methods import METHODS
from devstack.supervisor.ports import free_port
from domain.payments.webhook_event import SUBSCRIBED, SUBSCRIBED_CONNECT
from settings import setting_names
from tests.devstack.stripe.emulator import SECRET, Emulator
from tests.docs.commands import Page, run

PAGE = Page.read("docs/stripe.md")
SECONDS = 420
COMMANDS = ("up", "purchase show", "buyer export", "keys list", "reconcile")


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Emulator]:
    """A Stripe that no stack has started."""
    with Emulator(tmp_path / "stripe.sqlite") as emulator:
        yield emulator


def test_the_page_names_every_event_of_each_endpoint() -> None:
    """The endpoints that the page makes have exactly the events that are handled; so have those of the stack."""
    (block,) = [one.text for one in PAGE.commands("sh") if "enabled_events" in one.text]
    ours, venues = (frozenset(re.findall(r"enabled_events\[\]=([\w.]+)", part)) for part in block.split("VENUES=", 1))
    assert (ours, venues) == (SUBSCRIBED, SUBSCRIBED_CONNECT)
    assert (frozenset(PLATFORM_EVENTS), frozenset(VENUE_EVENTS)) == (SUBSCRIBED, SUBSCRIBED_CONNECT)


def test_every_stack_command_reads_the_stacks_own_settings() -> None:
    """The page uses each of them with --data-dir, so that the test below tries it."""
    for command in COMMANDS:
        assert re.search(rf"^boxoffice {command} .*--data-dir first-hour", PAGE.text, flags=re.MULTILINE), command


def test_every_card_and_setting_of_the_page_exists() -> None:
    """Also those in the text beside the commands: the emulator has the cards, and the settings are read."""
    cards, settings = (set(re.findall(rf"\b{what}\w+", PAGE.text)) for what in ("pm_", "BOXOFFICE_"))
    assert len(cards) > 3
    assert cards <= METHODS.keys()
    assert settings <= {name for name, _, _ in setting_names()}


@pytest.mark.real
@pytest.mark.nightly
@pytest.mark.timeout(SECONDS + 60)
def test_the_commands_of_the_page(outside: Emulator, tmp_path: Path) -> None:
    """Every command succeeds, the books are whole, and nothing is left behind at Stripe or on disk."""
    port = str(free_port())
    folder = tmp_path / "hour"
    folder.mkdir()
    instead = {
        "https://api.stripe.com": outside.url,
        "sk_test_...": SECRET,
        "pk_test_...": "pk_test_contract",
        "https://tickets.example.org": f"http://127.0.0.1:{port}",
        "8000": port,
    }
    done = run(PAGE.commands("sh"), folder, instead, seconds=SECONDS)
    assert "pk_test_contract" in done.stdout
    assert "ready" in done.stdout
    assert "you@example.org" in done.stdout
    assert done.stdout.count("True") == 2
    assert re.search(r"^whole$", done.stdout, flags=re.MULTILINE), done.stdout
    key = {"Authorization": f"Bearer {SECRET}"}
    assert outside.client.get("/v1/webhook_endpoints", headers=key).json()["data"] == []
    (intent,) = outside.client.get("/v1/payment_intents", headers=key).json()["data"]
    assert (intent["status"], intent["description"]) == ("succeeded", "Opening Night")
    assert intent["statement_descriptor_suffix"] == "TICKETS"
    assert list(folder.glob("*")) == []
