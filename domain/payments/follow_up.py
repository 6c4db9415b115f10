"""FollowUp: a matter at Stripe that a workflow follows from the first news of it to its end."""

from datetime import datetime
from typing import Literal

from domain.core.aggregate import Aggregate, CreatedEvent, DomainEvent, sets

FollowUpKind = Literal["payment-case", "dispute", "payout", "onboarding"]


class FollowUpOpened(CreatedEvent["FollowUp"]):
    """There was news of a matter that nobody followed: its workflow runs until it is closed.

    The id is that of the workflow. A payment and a dispute belong to a purchase, an account and a payout to a venue.
    """

    TOPIC = "follow-up.opened"

    tenant_id: str
    kind: FollowUpKind
    subject_id: str
    purchase_id: str = ""
    attempt: int = 0
    show_id: str = ""
    venue_id: str = ""
    account_id: str = ""


class FollowUpReopened(DomainEvent["FollowUp"]):
    """There was news after its end: the workflow runs again."""

    TOPIC = "follow-up.reopened"
    apply = sets(is_open=True)


class FollowUpClosed(DomainEvent["FollowUp"]):
    """Nothing is left to follow."""

    TOPIC = "follow-up.closed"

    outcome: str

    apply = sets(is_open=False)


class FollowUp(Aggregate):
    """A matter that is followed; what becomes of it is in the events of payment, dispute, payee and payout."""

    TOPIC = "follow-up"
    STREAM_CATEGORY = "follow-up"

    tenant_id: str
    is_open: bool = True

    def reopen(self, at: datetime) -> None:
        """Record news after the end; idempotent."""
        if not self.is_open:
            self.record(FollowUpReopened, at)

    def close(self, outcome: str, at: datetime) -> None:
        """Record the end; idempotent."""
        if self.is_open:
            self.record(FollowUpClosed, at, outcome=outcome)
