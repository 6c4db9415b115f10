"""The needs of a workflow: one is cleared, the others stay and still call for an operator."""

from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio import workflow

from workflows.core.operator_status import OperatorStatus
from workflows.core.reasons import Reason


def test_a_need_that_ends_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """`NeedsOperator` is set with the first need and cleared with the last."""
    upserts: list[Any] = []
    monkeypatch.setattr(workflow, "now", lambda: datetime(2026, 1, 1, tzinfo=UTC))
    monkeypatch.setattr(workflow, "upsert_search_attributes", upserts.append)
    monkeypatch.setattr(workflow, "set_current_details", lambda _: None)
    status = OperatorStatus("refunding", tuple)
    status.raise_need("pay_refund", Reason.OUTAGE, "no answer")
    status.raise_need("burn_ticket", Reason.BUG, "a bug")
    status.clear_need("pay_refund")
    assert [need.step for need in status.needs] == ["burn_ticket"]
    assert len(upserts) == 1
    status.clear_need("burn_ticket")
    assert (status.needs, len(upserts)) == ((), 2)
