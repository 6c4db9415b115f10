"""A check-in: its nonce is of one ticket, and only who was let in can be undone."""

from typing import Any

import pytest

from domain.core.errors import KeyReused, WrongState
from domain.tickets.check_in import CheckIn, TicketScanned
from tests.fakes.samples import AT, names_of

PLACE: dict[str, Any] = {"tenant_id": "default", "show_id": "sh", "gate": "North", "ticket_type_id": "tt"}


def test_a_nonce_is_of_one_ticket() -> None:
    """The same ticket again is the same scan."""
    made = CheckIn.begin(TicketScanned, "ci", AT, ticket_id="ti", reason="admitted", scanned_at=AT, **PLACE)
    made.check_same("ti")
    with pytest.raises(KeyReused):
        made.check_same("other")


def test_an_entry_is_undone_once() -> None:
    """A scan that let nobody in has nothing to undo."""
    made = CheckIn.begin(TicketScanned, "ci", AT, ticket_id="ti", reason="admitted", scanned_at=AT, **PLACE)
    assert [made.undo(AT) for _ in range(2)] == [True, False]
    assert names_of(made) == ["CheckInUndone"]
    refused = CheckIn.begin(TicketScanned, "ci", AT, ticket_id="ti", reason="void", scanned_at=AT, **PLACE)
    with pytest.raises(WrongState, match="let nobody in"):
        refused.undo(AT)
