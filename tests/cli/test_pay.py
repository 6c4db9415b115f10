"""`boxoffice buy` and `boxoffice pay`: cards that the emulator has, and refusals that say what to do."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.buyer import DemoFailedError, refusal_of
from cli.main import app
from cli.stack.pay import CARDS, EMULATOR, SWITCHES, card_of, check_payable
from devstack.stack import Stack
from devstack.stripe.payments.bank_switches import SWITCHES as EMULATED
from devstack.stripe.payments.payment_methods import METHODS
from devstack.supervisor.data_dir import STACK_FILE

WAITING: dict[str, Any] = {"state": "awaiting-payment", "order_ref": "AAA-BBB-CCC", "end_reason": None}


def stack_with(folder: Path, *processes: str) -> Stack:
    """Write the description of a running stack."""
    urls = {"api": "http://127.0.0.1:1", "stripe": "https://api.stripe.com"}
    status = {"state": "ready", "urls": urls, "processes": {name: {} for name in processes}, "supervisor": {"pid": 0}}
    (folder / STACK_FILE).write_text(json.dumps(status))
    return Stack(folder, 0)


def test_every_card_is_one_of_the_emulator() -> None:
    """So is every switch that answers for the bank; a payment method's own name is taken, another name is not."""
    assert {card.method for card in CARDS.values()} <= METHODS.keys()
    assert {f"/{{id}}/{switch}" for switch, _ in SWITCHES.values()} <= {
        f"/{{id}}/{one.path.rpartition('/')[2]}" for one in EMULATED
    }
    assert card_of("pm_card_amex").method == "pm_card_amex"
    with pytest.raises(DemoFailedError, match=r"no card blue; the cards are good, declined"):
        card_of("blue")


def test_a_real_stripe_is_paid_in_the_browser(tmp_path: Path) -> None:
    """The command has no card for it."""
    check_payable(stack_with(tmp_path, EMULATOR, "api"), WAITING)
    with pytest.raises(DemoFailedError, match=r"pays at https://api\.stripe\.com, .*: pay in the browser"):
        check_payable(stack_with(tmp_path, "api"), WAITING)


def test_only_what_waits_is_paid(tmp_path: Path) -> None:
    """The refusal says how the order ended, and what makes another."""
    ended = {**WAITING, "state": "cancelled", "end_reason": "hold-expired"}
    with pytest.raises(DemoFailedError, match=r"AAA-BBB-CCC is cancelled \(hold-expired\).*boxoffice buy"):
        check_payable(stack_with(tmp_path, EMULATOR), ended)


@pytest.mark.parametrize("command", ["buy", "pay", "seed"])
def test_a_folder_without_a_stack_is_refused(command: str, tmp_path: Path) -> None:
    """With the command that starts one; also where a stack is described that does not answer."""
    words = [command, "--data-dir", str(tmp_path)]
    refused = CliRunner().invoke(app, words)
    assert (refused.exit_code, "boxoffice up" in refused.stderr) == (1, True)
    stack_with(tmp_path)
    (tmp_path / "secrets.json").write_text(json.dumps({"env": {"BOXOFFICE_API__DEVELOPMENT_KEY": "key"}}))
    status = json.loads((tmp_path / STACK_FILE).read_text())
    (tmp_path / STACK_FILE).write_text(json.dumps({**status, "env": {}}))
    refused = CliRunner().invoke(app, words)
    assert (refused.exit_code, "no answer" in refused.stderr) == (1, True), refused


def test_a_refusal_of_the_api_is_one_line() -> None:
    """With its figures, the fields that are wrong, and the place of its remedy."""
    sold_out = {"type": "urn:boxoffice:problem:sold-out", "detail": "2 seats requested, 1 available"}
    assert refusal_of(409, sold_out) == "409 2 seats requested, 1 available (docs/problems.md#sold-out)"
    invalid = {"type": "urn:boxoffice:problem:invalid-request", "detail": "see errors"}
    fields = [{"where": ["body", "buyer", "email"], "why": "too short"}]
    found = refusal_of(422, {**invalid, "errors": fields})
    assert found == "422 see errors; body.buyer.email: too short (docs/problems.md#invalid-request)"
