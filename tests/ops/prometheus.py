"""What Prometheus sees of a process, and what its rules make of it: by promtool, and the plain comparisons by us."""

import json
import operator
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import yaml

ROOT = Path(__file__).parents[2]
RULES: dict[str, Any] = yaml.safe_load((ROOT / "ops" / "alerts.yml").read_text())
ALERTS: dict[str, dict[str, Any]] = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
ASKED = {name for rule in ALERTS.values() for name in re.findall(r"\bboxoffice_\w+", rule["expr"])}
JOB = {"job": "boxoffice", "instance": "here:9101"}
# The library's own parser renames counters; none of our labels has a quote or a backslash.
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"\\]*)"')
SCRAPE_SECONDS = 10.0  # Prometheus' own limit
REST_MINUTES = 90  # longer than the longest `for`

Labels = frozenset[tuple[str, str]]
Scrape = Mapping[tuple[str, Labels], float]


def scrape(port: int) -> Scrape:
    """Return every sample that the rules ask for, as Prometheus takes them from a process; `up` is its own."""
    try:
        page = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=SCRAPE_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return {("up", frozenset(JOB.items())): 0.0}
    assert page.status_code == httpx.codes.OK
    found = {("up", frozenset(JOB.items())): 1.0}
    for name, labels, value in SAMPLE.findall(page.text):
        if name in ASKED:
            found[name, frozenset({**dict(LABEL.findall(labels)), **JOB}.items())] = float(value)
    return found


class Fired(NamedTuple):
    """An alert that is expected to fire with these labels besides those of its rule."""

    alert: str
    labels: Mapping[str, str]


class Expected(NamedTuple):
    """The only alerts that fire after so many minutes."""

    minute: int
    alerts: Sequence[Fired]


def minutes(alert: str) -> int:
    """Return how long a cause has to last until its alert fires: its range, where it asks for all of it, and `for`."""
    rule = ALERTS[alert]
    over = re.search(r"_over_time\(\w+\[(\d+)m\]", rule["expr"])
    lasts = re.fullmatch(r"(\d+)m", rule.get("for", "0m"))
    assert lasts is not None
    return int(lasts[1]) + (int(over[1]) if over else 0)


def judged_by_promtool(scrapes: Sequence[Scrape], expected: Iterable[Expected], folder: Path) -> str:
    """Return what promtool says against these scrapes, one a minute; nothing if all is as expected.

    Raise FileNotFoundError without promtool.
    """
    if (promtool := shutil.which("promtool")) is None:
        raise FileNotFoundError("promtool is not installed (Debian's package prometheus)")
    rules = {"groups": [{"name": "all", "rules": [{**rule, "annotations": {}} for rule in ALERTS.values()]}]}
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in _series(scrapes).items()],
            "alert_rule_test": [
                {
                    "eval_time": f"{at.minute}m",
                    "alertname": alert,
                    "exp_alerts": [
                        {"exp_labels": {**ALERTS[alert]["labels"], **one.labels}}
                        for one in at.alerts
                        if one.alert == alert
                    ],
                }
                for at in expected
                for alert in ALERTS
            ],
        }
    ]
    (folder / "rules.yml").write_text(yaml.safe_dump(rules))
    given = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests}
    (folder / "tests.yml").write_text(yaml.safe_dump(given))
    ran = subprocess.run(
        [promtool, "test", "rules", str(folder / "tests.yml")], capture_output=True, text=True, check=False
    )
    return "" if ran.returncode == 0 else ran.stdout + ran.stderr


def _series(scrapes: Sequence[Scrape]) -> dict[str, str]:
    """Return the scrapes in promtool's notation; what is gone is stale, as Prometheus marks it."""
    found = {}
    for key in dict.fromkeys(key for one in scrapes for key in one):
        name, labels = key
        text = ", ".join(f"{label}={json.dumps(value)}" for label, value in sorted(labels))
        values, before = [], False
        for one in scrapes:
            values.append(f"{one[key]:g}" if key in one else "stale" if before else "_")
            before = key in one
        found[f"{name}{{{text}}}"] = " ".join(values)
    return found


COMPARED = re.compile(
    r"(?:(?P<fold>sum|max|min)(?: by \((?P<by>\w+)\))? ?\()?(?P<size>abs\()?(?:min_over_time\()?"
    r"(?P<name>\w+)(?:\{(?P<where>[^}]*)\})?(?:\[\d+m\])?\)* (?P<sign>>|==) (?P<bound>[\d.]+)"
)
MATCHER = re.compile(r'(\w+)(=~|=)"([^"]*)"')
FOLDS: dict[str | None, Callable[[list[float]], float]] = {"sum": sum, "max": max, "min": min, None: max}
SIGNS = {">": operator.gt, "==": operator.eq}
RATES = {alert for alert, rule in ALERTS.items() if COMPARED.fullmatch(rule["expr"]) is None}


def holds(alert: str, seen: Scrape) -> bool:
    """Return whether the comparison of a rule without a rate holds for one scrape."""
    rule = COMPARED.fullmatch(ALERTS[alert]["expr"])
    assert rule is not None
    groups: dict[str, list[float]] = defaultdict(list)
    for (name, pairs), value in seen.items():
        labels = dict(pairs)
        wanted = MATCHER.findall(rule["where"] or "")
        if name == rule["name"] and all(_matches(labels.get(key, ""), *how) for key, *how in wanted):
            group = labels.get(rule["by"], "") if rule["by"] else "" if rule["fold"] else str(sorted(pairs))
            groups[group].append(abs(value) if rule["size"] else value)
    fold, sign, bound = FOLDS[rule["fold"]], SIGNS[rule["sign"]], float(rule["bound"])
    return any(sign(fold(values), bound) for values in groups.values())


def _matches(value: str, sign: str, wanted: str) -> bool:
    return value == wanted if sign == "=" else re.fullmatch(wanted, value) is not None
