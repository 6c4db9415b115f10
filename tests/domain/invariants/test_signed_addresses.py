"""Every address that a mint was signed for is judged, recorded as minted or not."""

from typing import cast

import pytest

from domain.catalog.venue import Venue
from domain.core.aggregate import DomainEvent
from domain.invariants.cross_system import judge_at_rest, minted_fault
from domain.invariants.invariant import MINTED, Findings
from domain.invariants.outside import ExternalState
from domain.invariants.per_commit import History
from domain.invariants.state import InvariantState, TicketSummary
from domain.tickets.token import SignedTransaction
from tests.fakes.evidence import ALL_DEADLINES_PASSED
from tests.fakes.samples import AT, new_venue
from tests.fakes.stored import recorded

SIGNED = SignedTransaction(mint_address="A", signature="s", wire_base64="", last_valid_block_height=1)


@pytest.mark.parametrize(
    ("state", "addresses", "supplies", "is_broken"),
    [
        ("void", (), {"A": 1}, True),  # the mint was read as absent, the seat was sold again, and the NFT lives on
        ("void", (), {"A": 0}, False),
        ("void", (), {}, False),
        ("void", ("A",), {"A": 1}, True),
        ("issued", ("A",), {"A": 1}, False),
        ("issued", ("A",), {}, True),
        ("issued", ("B",), {"A": 1, "B": 1}, True),
        ("issued", ("B",), {"B": 1}, False),
        ("issued", (), {"A": 1}, True),
    ],
)
def test_a_ticket_is_judged_at_all_its_addresses(
    state: str, addresses: tuple[str, ...], supplies: dict[str, int], *, is_broken: bool
) -> None:
    """A void ticket has no token at an address that was only signed for; a sold one has exactly one."""
    known = InvariantState()
    known.tickets["t"] = TicketSummary("p", "floor", state, addresses, ("A",))
    assert (minted_fault("t", known, supplies) is not None) == is_broken


def test_a_purchase_that_ended_unsold_has_no_token() -> None:
    """Its ticket may have been signed for, and must not be on chain, whatever its state."""
    known = InvariantState()
    known.tickets["t"] = TicketSummary("p", "floor", "reserved", (), ("A",))
    assert minted_fault("t", known, {"A": 1}, is_sold=False) is not None
    assert minted_fault("t", known, {}, is_sold=False) is None


@pytest.mark.parametrize(("supplies", "broken"), [({"A": 0}, []), ({}, ["venue:"])])
def test_a_recorded_group_is_on_chain(supplies: dict[str, int], broken: list[str]) -> None:
    """A venue that is recorded as minted and has no account breaks the invariant."""
    venue: Venue = new_venue()
    venue.sign_token(SIGNED, AT)
    venue.mint_token("A", "s", AT)
    findings = Findings()
    history = History(findings)
    history.take(recorded(cast("list[DomainEvent]", venue.collect_events())))
    history.mark()
    judge_at_rest(history, ExternalState([], supplies, ALL_DEADLINES_PASSED, running=frozenset(), cases={}), findings)
    found = [one.subject[:6] for one in findings.violations if one.invariant == MINTED.name]
    assert (list(history.state.signed), found) == (["A"], broken)
