"""Alert rules and dashboard ask only for metrics that exist, and what comes close fires nothing."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.test_observing import kinds, metrics

ROOT = Path(__file__).parents[2]
RULES: dict[str, Any] = yaml.safe_load((ROOT / "ops" / "alerts.yml").read_text())
ALERTS: dict[str, dict[str, Any]] = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
DASHBOARD: dict[str, Any] = json.loads((ROOT / "ops" / "dashboard.json").read_text())
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
OF_A_HISTOGRAM = ("_bucket", "_sum", "_count")
# Series that make no alert fire, though some come close: a value a minute.
AT_REST = {
    'boxoffice_needs_operator{workflow="RefundWorkflow"}': "0x90",
    "boxoffice_stuck_seconds": "0x90",
    "boxoffice_open_cases": "0x90",
    "boxoffice_failing_workflows": "0x90",
    'boxoffice_refunds{state="failed"}': "0x90",
    'boxoffice_unexplained_minor{currency="eur"}': "0 -3x59 0x30",
    'boxoffice_invariant_violations{invariant="whole-balance"}': "0 1x59 0x30",
    "boxoffice_reconciled_seconds": "3600x90",
    "boxoffice_mint_debt": "3 0 3 0x87",
    'boxoffice_solana_node_well{node="a"}': "0x90",
    'boxoffice_solana_node_well{node="b"}': "1x90",
    'boxoffice_signatures_refused{reason="policy"}': "7x90",
    "boxoffice_minting_paused": "0x90",
    "boxoffice_webhook_endpoints_switched_off": "0x90",
    'boxoffice_projector_lag_seconds{instance="a"}': "900x90",
    'boxoffice_projector_lag_seconds{instance="b"}': "0x90",
    "boxoffice_webhook_lag_seconds": "20x90",
    "boxoffice_letter_lag_seconds": "1740x90",
    'boxoffice_letters{state="due"}': "500x90",  # of a cancelled show, on their way
    'boxoffice_letters{state="refused"}': "10x90",
    'boxoffice_letters{state="given-up"}': "20x10 0x80",
    'boxoffice_subjects_set_aside{loop="start refunds"}': "0x90",
    "boxoffice_commit_queue": "40x90",
    "boxoffice_figures_seconds": "15x90",
    'up{job="boxoffice", instance="api:9101"}': "1x90",
    'boxoffice_requests_total{status="503"}': "0+1x90",
    'boxoffice_requests_total{status="200"}': "0+99x90",
}


# Metrics without an alert, with the reason.
UNWATCHED = {
    "boxoffice_request_seconds": "a time: its bound is a choice of who runs it",
    "boxoffice_holds_total": "a count of what goes well",
    "boxoffice_refusals_total": "refusals are answers; faults are in RequestsFail",
    "boxoffice_read_model_position": "a position; ReadModelsBehind has the lag",
    "boxoffice_projector_events_total": "a count of what goes well",
    "boxoffice_purchases": "a purchase that waits too long needs an operator: NeedsOperator",
    "boxoffice_webhooks_waiting": "a count; WebhooksWaiting has the age of the oldest",
    "boxoffice_solana_node_calls": "a count of what goes well",
    "boxoffice_solana_node_failures": "NoSolanaNodeWell: one ill node of several is left alone",
    "boxoffice_solana_node_limited": "NoSolanaNodeWell, and PaidAndNotMinted where limits are too low",
    "boxoffice_payer_lamports": "an amount; MintingPaused says that it does not suffice",
    "boxoffice_ticket_lamports": "a price",
    "boxoffice_tickets_owed": "PaidAndNotMinted: the same by the books",
    "boxoffice_payer_runway_tickets": "a forecast; MintingPaused says that it has come true",
}


# Alerts on what happened, which a counter tells; what is true until somebody acts is read anew, by whatever process.
OF_A_MOMENT = {
    "SignatureRefused": "the message is gone; whoever builds another one is refused again",
    "RequestsFail": "the requests of five minutes; those that fail later count again",
}


def asked() -> Iterator[str]:
    """Yield every expression of the rules and of the dashboard."""
    yield from (rule["expr"] for rule in ALERTS.values())
    yield from (target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])


def test_every_metric_that_is_asked_for_exists() -> None:
    """Ours by their names in the code; the others are Temporal's, and Prometheus' own `up`."""
    known, named = metrics(), {name for text in asked() for name in re.findall(r"\bboxoffice_\w+", text)}
    missing = {name for name in named if name not in known and not name.endswith(OF_A_HISTOGRAM)}
    assert missing == set()
    assert {name.rpartition("_")[0] for name in named if name.endswith(OF_A_HISTOGRAM)} <= known
    assert len(named) > 15


def test_every_metric_has_an_alert_or_a_reason() -> None:
    """A new metric that says that something is wrong cannot be forgotten here."""
    watched = {name for rule in ALERTS.values() for name in re.findall(r"\bboxoffice_\w+", rule["expr"])}
    assert metrics() == watched | UNWATCHED.keys()
    assert not watched & UNWATCHED.keys()


def test_no_alert_forgets_its_cause_at_a_restart() -> None:
    """A counter of one process begins again at nothing, while its cause may remain."""
    counters = [name for name, kind in kinds().items() if kind.lower().endswith("counter")]
    assert {name for name, rule in ALERTS.items() for one in counters if one in rule["expr"]} == OF_A_MOMENT.keys()


def test_no_gauge_outlives_its_reader() -> None:
    """What a workflow or an activity sets with Temporal's meter stays in its worker, by queue and kind of activity."""
    assert {name for name, kind in kinds().items() if kind == "create_gauge"} == set()


def test_every_alert_has_a_summary_and_a_page() -> None:
    """A section of the runbook, where somebody at night finds what to do."""
    headings = re.findall(r"^#+ (.*)$", RUNBOOK, re.MULTILINE)
    sections = {re.sub(r"[^\w -]", "", one).strip().lower().replace(" ", "-") for one in headings}
    for rule in ALERTS.values():
        path, _, section = rule["annotations"]["runbook"].partition("#")
        assert (path, section in sections) == ("docs/runbook.md", True), rule["alert"]
        assert rule["annotations"]["summary"]


def test_the_runbook_has_every_alert_and_no_other() -> None:
    """In the table of its section."""
    table = RUNBOOK.partition("## An alert fires")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+`) \|", table, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(ALERTS)


def test_series_that_come_close_fire_nothing(tmp_path: Path) -> None:
    """By Prometheus' own evaluation, after an hour and a half; `tests/ops/` makes the cause of each alert."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian's package prometheus): NO alert was evaluated")
    rest = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in AT_REST.items()],
        "alert_rule_test": [{"eval_time": "85m", "alertname": alert, "exp_alerts": []} for alert in ALERTS],
    }
    tests = {"rule_files": [str(ROOT / "ops" / "alerts.yml")], "evaluation_interval": "1m", "tests": [rest]}
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(tests))
    ran = subprocess.run(
        [promtool, "test", "rules", str(tmp_path / "tests.yml")], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
