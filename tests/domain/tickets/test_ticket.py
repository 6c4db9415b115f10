"""Ticket and its token: the right to enter begins with the payment, and the token follows the right."""

import pytest

from domain.core.errors import AlreadyEntered, RefundNeeded, WrongState
from domain.tickets.admission import Admission, DoorEntry, ShowAtDoor
from domain.tickets.has_token import Drawing
from domain.tickets.ticket import Ticket
from tests.fakes.samples import AT, SIGNED, events_of, folded, names_of, new_ticket, new_venue, through_json

DOOR = ShowAtDoor("sh")


@pytest.fixture
def ticket() -> Ticket:
    return new_ticket()


def test_a_ticket_is_issued_once(ticket: Ticket) -> None:
    """A ticket begins reserved; issuing it again changes nothing."""
    assert ticket.state == "reserved"
    ticket.issue(AT)
    ticket.issue(AT)
    assert (ticket.state, names_of(ticket)) == ("issued", ["TicketIssued"])


def test_an_unpaid_ticket_is_voided_for_good(ticket: Ticket) -> None:
    """Voiding again changes nothing, and a late issue is refused."""
    ticket.void(AT)
    ticket.void(AT)
    with pytest.raises(WrongState) as refused:
        ticket.issue(AT)
    assert refused.value.data == {"ticket_id": "ti"}
    assert (ticket.state, names_of(ticket)) == ("void", ["TicketVoided"])


def test_a_paid_ticket_needs_a_refund(ticket: Ticket) -> None:
    """A paid ticket is not voided; the refusal names the ticket by its public id."""
    ticket.issue(AT)
    with pytest.raises(RefundNeeded) as refused:
        ticket.void(AT)
    assert refused.value.data == {"ticket_id": "ti"}
    assert ticket.state == "issued"


@pytest.mark.parametrize("end", ["reserved", "void"])
def test_nothing_is_signed_for_an_unpaid_ticket(ticket: Ticket, end: str) -> None:
    """A reserved and a void ticket get no token."""
    if end == "void":
        ticket.void(AT)
    with pytest.raises(WrongState, match=end):
        ticket.sign_token(SIGNED, AT)
    assert ticket.signed is None


def test_signed_bytes_are_kept_before_they_are_sent_and_newer_ones_replace_them(ticket: Ticket) -> None:
    """The same transaction again records no event; a newer one replaces the one that its signer knew, and no other."""
    ticket.issue(AT)
    newer = SIGNED.model_copy(update={"signature": "second"})
    assert ticket.sign_token(SIGNED, AT) == SIGNED
    for after, kept in ((None, SIGNED), (SIGNED, newer), (SIGNED, newer), (None, newer)):
        assert ticket.sign_token(newer, AT, after) == kept
    assert ticket.signed == newer
    assert names_of(ticket) == ["TicketIssued", "TokenSigned", "TokenSigned"]
    assert folded(through_json(events_of(ticket))).signed == newer


def test_a_token_is_minted_once(ticket: Ticket) -> None:
    """The first mint stands, and nothing is signed after it."""
    ticket.issue(AT)
    ticket.sign_token(SIGNED, AT)
    ticket.mint_token("mint", "first", AT)
    ticket.mint_token("mint", "second", AT)
    ticket.sign_token(SIGNED.model_copy(update={"signature": "second"}), AT)
    assert (ticket.mint_address, ticket.mint_signature, ticket.signed) == ("mint", "first", SIGNED)


def test_metadata_is_drawn_and_pinned_once() -> None:
    """The same drawing again, and a pin of a file that is pinned or unknown, change nothing."""
    venue = new_venue()
    drawing = Drawing("", "cid", "{}", "image", "<svg/>")
    for _ in range(2):
        venue.draw(drawing, AT)
    for cid in ("cid", "cid", "other"):
        venue.pin(cid, AT)
    assert names_of(venue) == ["MetadataDrawn", "MetadataPinned"]
    assert (venue.drawings, venue.unpinned) == ({"": "cid"}, {"image"})


def test_a_venue_gets_its_token_without_a_condition() -> None:
    """Only tickets can be refused a token."""
    venue = new_venue()
    assert venue.refuse_token() is None
    venue.sign_token(SIGNED, AT)
    assert venue.signed == SIGNED


def test_a_mint_that_nothing_remembers_is_kept_once(ticket: Ticket) -> None:
    """A transaction that is kept already stays the newest one, and an unpaid ticket takes none."""
    with pytest.raises(WrongState, match="only a paid ticket"):
        ticket.adopt_token(SIGNED, AT)
    ticket.issue(AT)
    other = SIGNED.model_copy(update={"signature": "other"})
    assert [ticket.adopt_token(made, AT) for made in (SIGNED, SIGNED, other)] == [SIGNED] * 3
    assert names_of(ticket) == ["TicketIssued", "TokenSigned"]


def test_the_token_of_a_refunded_ticket_ends_once(ticket: Ticket) -> None:
    """The burn is signed only for a void ticket; repeated steps change nothing."""
    ticket.issue(AT)
    ticket.sign_token(SIGNED, AT)
    with pytest.raises(WrongState):
        ticket.sign_burn(SIGNED, AT)
    ticket.give_back(AT, even_redeemed=False)
    for _ in range(2):
        ticket.sign_burn(SIGNED, AT)
        ticket.burn_token("burn", AT)
        ticket.forgo_token(AT)
    assert ticket.ended_as == "burnt"
    assert names_of(ticket)[-3:] == ["TicketVoided", "BurnSigned", "TokenBurnt"]


def test_a_ticket_is_used_once_and_given_back_by_an_operator(ticket: Ticket) -> None:
    """An unpaid ticket gives no entry; a redeemed one is refunded only with `even_redeemed`."""
    assert ticket.enter(DOOR, DoorEntry(AT), AT).reason == "unpaid"
    with pytest.raises(WrongState):
        ticket.give_back(AT, even_redeemed=False)
    ticket.issue(AT)
    assert ticket.enter(DOOR, DoorEntry(AT, "North"), AT).admitted
    assert ticket.enter(DOOR, DoorEntry(AT, "South"), AT) == Admission("already-checked-in", DoorEntry(AT, "North"))
    with pytest.raises(AlreadyEntered):
        ticket.give_back(AT, even_redeemed=False)
    ticket.give_back(AT, even_redeemed=True)
    ticket.forgo_token(AT)
    assert (ticket.state, ticket.ended_as) == ("void", None)
