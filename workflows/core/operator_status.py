"""Show a workflow to operators in the web UI: search attributes and current details in plain words."""

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

PURCHASE_STAGE = SearchAttributeKey.for_keyword("PurchaseStage")
SHOW_ID = SearchAttributeKey.for_keyword("ShowId")
VENUE_ID = SearchAttributeKey.for_keyword("VenueId")
NEEDS_OPERATOR = SearchAttributeKey.for_bool("NeedsOperator")


def attributes(stage: str, show_id: str, venue_id: str) -> TypedSearchAttributes:
    """Return the search attributes under which operators find a purchase in the web UI."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(PURCHASE_STAGE, stage),
            SearchAttributePair(SHOW_ID, show_id),
            SearchAttributePair(VENUE_ID, venue_id),
            SearchAttributePair(NEEDS_OPERATOR, value=False),
        ]
    )


class OperatorStatus:
    """The stage of a workflow, its details and whether it needs an operator, as the web UI shows them."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self._waits_for = ""
        self._problem: str | None = None

    def set_stage(self, stage: str, waits_for: str) -> None:
        """Show the stage and the event that the workflow waits for."""
        if stage != self.stage:
            workflow.upsert_search_attributes([PURCHASE_STAGE.value_set(stage)])
        self.stage, self._waits_for = stage, waits_for
        self._write()

    def set_problem(self, text: str | None) -> None:
        """Show the problem that needs an operator; None clears it."""
        if (text is None) != (self._problem is None):
            workflow.upsert_search_attributes([NEEDS_OPERATOR.value_set(text is not None)])
        self._problem = text
        self._write()

    def _write(self) -> None:
        lines = [f"**Stage:** {self.stage}", "", self._waits_for]
        if self._problem is not None:
            lines += ["", f"**Needs an operator:** {self._problem}", "", "It is tried again by itself."]
        workflow.set_current_details("\n".join(lines))
