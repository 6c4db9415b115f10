"""Check-in: one scan of a ticket at a gate, with the answer that it got; the same nonce gets the same answer again."""

from datetime import datetime

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent, sets
from domain.core.errors import KeyReused, WrongState
from domain.tickets.admission import AdmissionReason


class TicketScanned(CreatedEvent["CheckIn"]):
    """A ticket was scanned at a gate, and got an answer; an admitted one is used for entry with the same decision.

    `scanned_at` is the time at the gate. `is_late`: the gate was offline, let the person in by itself and told it
    later. `first_at` and `first_gate` are the earlier use of a ticket that was used already.
    """

    TOPIC = "check-in.scanned"

    tenant_id: str
    show_id: str
    gate: str
    ticket_id: str
    ticket_type_id: str
    reason: AdmissionReason
    scanned_at: datetime
    is_late: bool = False
    first_at: datetime | None = None
    first_gate: str = ""


class CheckInUndone(DomainEvent["CheckIn"]):
    """The check-in was undone: its ticket gives entry again."""

    TOPIC = "check-in.undone"
    apply = sets(undone=True)


class CheckIn(Aggregate):
    """One scan; its id comes from its show, its gate and its nonce."""

    TOPIC = "check-in"
    STREAM_CATEGORY = "check-in"

    tenant_id: str
    show_id: str
    gate: str
    ticket_id: str
    ticket_type_id: str
    reason: AdmissionReason
    scanned_at: datetime
    is_late: bool
    first_at: datetime | None
    first_gate: str
    undone: bool = False

    def check_same(self, ticket_id: str) -> None:
        """Raise KeyReused for the scan of another ticket under the same nonce."""
        if ticket_id != self.ticket_id:
            raise KeyReused("this nonce was used for the scan of another ticket", check_in_id=self.identity)

    def undo(self, at: datetime) -> bool:
        """Undo it, once; return whether this call did. Raise WrongState for a scan that let nobody in."""
        if self.reason != "admitted":
            raise WrongState("this scan let nobody in; there is nothing to undo", check_in_id=self.identity)
        if self.undone:
            return False
        self.record(CheckInUndone, at)
        return True
