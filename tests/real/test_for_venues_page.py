"""docs/for-venues.md, word by word: a show, its new date, the counter, lists and the month."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.docs.commands import Page, run
from tests.real.reader import API, at_stack, left_in
from tests.real.shop import Shop

pytestmark = pytest.mark.real
PAGE = Page.read("docs/for-venues.md")
# Two chairs at 20.00 in cash, 7 % tax inside, and the platform's fee on top of them.
PRINTED = r"""FRIENDS
(?P<total>\d+)
\[\{'currency': 'eur', 'cash_minor': (?P<cash>\d+)\}\]
\[\('FRIENDS', 2500\)\]
\[\{.*'tax_bps': 700.*'tax_minor': 262.*\}\]
 *3 tickets\.csv
 *(?P<lines>\d+) statement\.csv
 *\d+ total
"""


async def test_the_commands_of_the_page(shop: Shop, tmp_path: Path) -> None:
    """The till holds what the counter asked for, and the month has the sale and its tax."""
    instead = {API: (await at_stack(shop, tmp_path))[API]}
    ran = await asyncio.to_thread(run, PAGE.commands("sh"), tmp_path, instead)
    found = re.fullmatch(PRINTED, ran.stdout)
    assert found, ran.stdout
    assert found["cash"] == found["total"]
    assert int(found["total"]) > 4_000
    assert int(found["lines"]) > 1
    assert left_in(tmp_path) == ["data"]
