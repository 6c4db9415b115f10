"""docs/for-shops.md, word by word: a sale from the venue to the door, with webhooks to a receiver of the page."""

import asyncio
import re
from pathlib import Path

import pytest

from api.http.problems import PROBLEM_TYPES
from devstack.supervisor.ports import free_port
from tests.docs.commands import Page, run
from tests.real.reader import at_stack, left_in
from tests.real.shop import Shop

PAGE = Page.read("docs/for-shops.md")
PRINTED = r"""400
on-sale 3
\w{3}-\w{3}-\w{3} awaiting-payment 9936 \S+
200 (?P<purchase>pu_\w+)
409 urn:boxoffice:problem:idempotency-key-reused
409 urn:boxoffice:problem:sold-out
422 urn:boxoffice:problem:invalid-request
requires_capture
fulfilled Every ticket is minted, or a leaf, and the venue is credited\.
The Hall 9936 0
True admitted
True admitted
False already-checked-in
None urn:boxoffice:problem:not-found
succeeded 4968 \['ti_\w+'\]
forged
order\.fulfilled
refund\.succeeded
\{"endpoint_id":.*"state":"deleted".*\}"""


def test_every_refusal_of_the_page_is_a_problem_type() -> None:
    """Those in the text and in the table, under the status that they have."""
    named = re.findall(r"^\| (\d+) `([\w-]+)`(?:, `([\w-]+)`)?", PAGE.text, flags=re.MULTILINE)
    types = {(str(one.status), one.code) for one in PROBLEM_TYPES.values()}
    assert len(named) > 4
    assert {(status, code) for status, *codes in named for code in codes if code} <= types


@pytest.mark.real
async def test_the_commands_of_the_page(shop: Shop, tmp_path: Path) -> None:
    """One ticket is scanned, the other is given back, and nothing is left on disk."""
    instead = {**await at_stack(shop, tmp_path), "9900": str(free_port())}
    ran = await asyncio.to_thread(run, PAGE.commands("sh"), tmp_path, instead)
    found = re.fullmatch(PRINTED, ran.stdout)
    assert found, ran.stdout
    ended = await shop.get(f"/api/v1/purchases/{found['purchase']}")
    assert {ticket["state"] for ticket in ended["tickets"]} == {"redeemed", "void"}
    assert left_in(tmp_path) == ["data"]
