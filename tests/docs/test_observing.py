"""The page about observing names exactly the metrics that the code has, and settings that exist."""

import re
from pathlib import Path

from settings import setting_names

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "observing.md").read_text()
ROOMS = ("activities", "adapters", "api", "assembly", "relay", "workflows")
MADE = re.compile(r'(Counter|Gauge|Histogram|create_gauge|create_counter)\(\s*"(boxoffice_\w+)"')


def kinds() -> dict[str, str]:
    """Return how each metric of ours is made, by its name as a scrape shows it, read from the code."""
    files = [*(path for room in ROOMS for path in (ROOT / room).rglob("*.py")), *ROOT.glob("*.py")]
    made = {pair for path in files for pair in MADE.findall(path.read_text())}
    return {f"{name}_total" if kind == "Counter" else name: kind for kind, name in made}


def metrics() -> set[str]:
    """Return the names of all metrics of ours, as a scrape shows them."""
    return set(kinds())


def test_the_page_has_every_metric_and_no_other() -> None:
    """In its table."""
    table = PAGE.partition("## Metrics")[2].partition("## Traces")[0]
    assert set(re.findall(r"`(boxoffice_\w+)`", table)) == metrics()
    assert len(metrics()) > 15


def test_the_settings_of_the_page_exist() -> None:
    """Each name is a setting."""
    assert set(re.findall(r"BOXOFFICE_\w+", PAGE)) <= {name for name, _, _ in setting_names()}
