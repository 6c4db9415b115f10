"""View of a matter at Stripe that a workflow follows."""

from typing import Literal

from typing_extensions import TypedDict

from domain.core.timestamp import Timestamp
from domain.payments.follow_up import FollowUpKind


class FollowUpDocument(TypedDict):
    """A matter, its workflow, and whether it is still followed; `outcome` is how it ended the last time."""

    workflow_id: str
    kind: FollowUpKind
    subject_id: str
    tenant_id: str
    purchase_id: str
    attempt: int
    show_id: str
    venue_id: str
    account_id: str
    state: Literal["open", "closed"]
    outcome: str | None
    opened_at: Timestamp
