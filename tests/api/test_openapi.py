"""docs/openapi.json matches the API, and no released version of it is broken."""

import json
from functools import cache
from pathlib import Path

from api.openapi import text
from tests.api.openapi_changes import breaking_changes

DOCS = Path(__file__).parents[2] / "docs"
KEPT = DOCS / "openapi.json"
described = cache(text)


def test_the_kept_file_is_what_the_code_describes() -> None:
    """A change of the API is visible in review; the failure lists the changes that break clients."""
    kept, now = KEPT.read_text(), described()
    if kept != now:
        broken = breaking_changes(json.loads(kept), json.loads(now))
        report = "\n".join(["breaking changes:", *broken] if broken else ["no breaking change"])
        raise AssertionError(f"docs/openapi.json differs from the code; run `make docs`\n{report}")


def test_no_released_version_is_broken() -> None:
    """A release keeps its document as docs/openapi-<version>.json; the kept file counts until there is one.

    That a request needs a key since 0.2.0 is the one break that was made on purpose (decision 0032).
    """
    current = json.loads(described())
    for released in (KEPT, *DOCS.glob("openapi-*.json")):
        broken = breaking_changes(json.loads(released.read_text()), current)
        assert [change for change in broken if not change.endswith(": security required")] == [], released.name
