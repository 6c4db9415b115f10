"""A ticket's claim: one signed move at a time, and no answer to what comes too late."""

import pytest

from domain.core.errors import WrongState
from domain.tickets.ticket import Ticket
from tests.fakes.samples import AT, SIGNED, events_of, folded, names_of, new_ticket, through_json

NEWER = SIGNED.model_copy(update={"signature": "second"})


@pytest.fixture
def claimed() -> Ticket:
    ticket = new_ticket()
    ticket.issue(AT)
    ticket.claim_token("bu_1", AT)
    return ticket


def test_a_move_replaces_only_the_one_that_its_signer_knew(claimed: Ticket) -> None:
    """Whoever comes second sends the stored bytes; the same again record nothing."""
    assert claimed.sign_transfer(SIGNED, AT) == SIGNED
    for after, kept in ((None, SIGNED), (SIGNED, NEWER), (SIGNED, NEWER), (None, NEWER)):
        assert claimed.sign_transfer(NEWER, AT, after) == kept
    assert names_of(claimed) == ["TicketIssued", "TicketClaimed", "ClaimSigned", "ClaimSigned"]
    assert folded(through_json(events_of(claimed))).transfer == NEWER


def test_a_claim_ends_once(claimed: Ticket) -> None:
    """What is done does not lapse, and nothing is signed for it any more; the holder is another one."""
    for _ in range(2):
        claimed.finish_claim("landed", AT)
        claimed.lapse_claim("no-wallet", AT)
    with pytest.raises(WrongState, match="not open"):
        claimed.sign_transfer(SIGNED, AT)
    assert (claimed.claim, claimed.generation, names_of(claimed)[-1]) == ("done", 1, "ClaimDone")


def test_a_claim_that_lapsed_leaves_nothing(claimed: Ticket) -> None:
    """The next one begins anew, and is the second."""
    claimed.sign_transfer(SIGNED, AT)
    claimed.lapse_claim("not-in-custody", AT)
    assert (claimed.claim, claimed.holder_id, claimed.transfer, claimed.generation) == ("none", None, None, 0)
    claimed.claim_token("bu_2", AT)
    assert (claimed.claims, claimed.holder_id, claimed.transfer) == (2, "bu_2", None)
