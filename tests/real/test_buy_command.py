"""`boxoffice buy` and `boxoffice pay` on the real stack."""

import asyncio
import json
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.real.shop import Shop

pytestmark = pytest.mark.real


async def boxoffice(shop: Shop, *words: str) -> Any:
    """Run a command on the stack."""
    return await asyncio.to_thread(CliRunner().invoke, app, [*words, "--data-dir", str(shop.stack.folder)])


async def test_tickets_are_bought_and_paid(shop: Shop) -> None:
    """The declined card leaves the order waiting, 3-D Secure pays it, and nothing can be paid twice."""
    await shop.open(capacity=5)
    bought = await boxoffice(shop, "buy", "2", "--show", shop.show_id, "--card", "declined")
    assert bought.exit_code == 1, bought.output
    assert "Checkout opened" in bought.stdout
    assert "Your card was declined" in bought.stderr
    order_ref = bought.stderr.partition("boxoffice pay ")[2][:11]
    paid = await boxoffice(shop, "pay", order_ref, "--card", "3ds", "--json")
    assert paid.exit_code == 0, paid.output
    ended = json.loads(paid.stdout)
    assert (ended["state"], ended["order_ref"]) == ("fulfilled", order_ref)
    again = await boxoffice(shop, "pay", ended["purchase_id"])
    assert (again.exit_code, "is fulfilled: nothing can be paid" in again.stderr) == (1, True)
    many = await boxoffice(shop, "buy", "4", "--show", shop.show_id)
    assert (many.exit_code, "Seat (3 left)" in many.stderr) == (1, True)
    await shop.check_sums([ended["purchase_id"]])


async def test_the_defaults_are_the_first_show_and_the_newest_order(shop: Shop) -> None:
    """With --json the checkout has the buyer's token and the client secret."""
    await shop.open()
    opened = json.loads((await boxoffice(shop, "buy", "--json")).stdout)
    assert opened["state"] == "awaiting-payment"
    assert opened["purchase_token"].startswith("pt_")
    assert opened["client_secret"]
    assert len(opened["tickets"]) == 1
    paid = await boxoffice(shop, "pay")
    assert paid.exit_code == 0, paid.output
    assert f"order {opened['order_ref']} is paid" in paid.stdout
    assert "Every ticket is minted" in paid.stdout
    assert "Checkout opened" not in paid.stdout
