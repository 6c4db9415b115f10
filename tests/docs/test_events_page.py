"""The page about events: its code verifies a webhook that our sender signs, and its table has every type."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.http.webhooks import signed_headers
from domain.views.outgoing.data import MODELS

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
OLD, NEW, OTHER = ("whsec_" + word * 8 for word in ("b2xk", "bmV3", "b3Ro"))
BODY = b'{"id":"ev_1"}'


def verified() -> Any:
    """Return the function of the page, made from its text."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    made: dict[str, Any] = {}
    exec(code, made)  # noqa: S102 - our own page
    return made["verified"]


def test_the_code_of_the_page_verifies_a_webhook() -> None:
    """With either secret while both sign; not with another one, another body, or a day later."""
    check, now = verified(), datetime.now(UTC)
    headers = signed_headers([NEW, OLD], "ev_1", BODY, now)
    assert check(NEW, headers, BODY)
    assert check(OLD, headers, BODY)
    assert not check(OTHER, headers, BODY)
    assert not check(NEW, headers, BODY + b" ")
    assert not check(NEW, signed_headers([NEW], "ev_1", BODY, now - timedelta(days=1)), BODY)


def test_the_page_has_every_type() -> None:
    """In its table of types, and no other."""
    table = PAGE.partition("| types | tell |")[2].partition("\n## ")[0]
    listed = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", table))
    assert listed ^ {name for name, _ in MODELS} == set(), "the table of types in docs/events.md differs from the code"
