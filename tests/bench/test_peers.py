"""The peers do the same work: every activity of a recorded purchase, each as often."""

import json
from collections import Counter
from pathlib import Path

from activities.core.commands import PurchaseRef
from bench.servers.peers.sale import BEFORE_PAYMENT, steps_after

FULFILLED = Path(__file__).parents[1] / "replay" / "histories" / "fulfilled.commands.jsonl"
TICKETS = ("ti_1", "ti_2")


def test_a_peer_runs_the_activities_of_a_recorded_purchase() -> None:
    """A step that is added to the purchase is added to its peers."""
    commands = [json.loads(line) for line in FULFILLED.read_text().splitlines() if line]
    scheduled = (one.get("schedule_activity") or one.get("schedule_local_activity") for one in commands)
    recorded = Counter(one["activity_type"] for one in scheduled if one)
    purchase = PurchaseRef(tenant_id="default", purchase_id="pu_1", attempt=1)
    ours = [*BEFORE_PAYMENT, *(name for name, _ in steps_after(purchase, TICKETS))]
    assert Counter(ours) == recorded
