"""Fields of requests."""

import pytest

from api.http import requests
from api.http.requests import checked_zone, time_zones


def test_time_zones_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at each request that names one: the search opens hundreds of files while no other request is served."""
    searches: list[set[str]] = []

    def search() -> set[str]:
        searches.append({"Europe/Berlin"})
        return searches[-1]

    monkeypatch.setattr(requests, "available_timezones", search)
    time_zones.cache_clear()
    try:
        assert [checked_zone("Europe/Berlin") for _ in range(2)] == ["Europe/Berlin"] * 2
        with pytest.raises(ValueError, match="not an IANA time zone"):
            checked_zone("Europe/Nowhere")
    finally:
        time_zones.cache_clear()
    assert len(searches) == 1
