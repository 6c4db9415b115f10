"""An operator's act on a workflow, as it was accepted."""

from domain.core.aggregate import Aggregate, CreatedEvent


class OperatorActed(CreatedEvent["OperatorActRecord"]):
    """An operator's act was accepted by a workflow; `by` names the operator, `details` has the act's own fields.

    `outcome` is the sentence about its effect on other events, if it has one.
    """

    TOPIC = "operator-act.accepted"

    workflow_id: str
    act: str
    reason: str
    stage: str
    details: dict[str, str]
    purchase_id: str = ""
    outcome: str = ""


class OperatorActRecord(Aggregate):
    """One accepted act; its id is derived from the workflow and the update, so that a repeat is the same one."""

    TOPIC = "operator-act"
    STREAM_CATEGORY = "operator-act"
    CACHED = False

    outcome: str
