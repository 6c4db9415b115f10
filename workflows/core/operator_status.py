"""What operators see of a workflow in the web UI: search attributes and current details in plain words."""

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

PURCHASE_STAGE = SearchAttributeKey.for_keyword("PurchaseStage")
SHOW_ID = SearchAttributeKey.for_keyword("ShowId")
VENUE_ID = SearchAttributeKey.for_keyword("VenueId")
NEEDS_OPERATOR = SearchAttributeKey.for_bool("NeedsOperator")


def attributes(stage: str, show_id: str, venue_id: str) -> TypedSearchAttributes:
    """Return what operators find a purchase by in the web UI."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(PURCHASE_STAGE, stage),
            SearchAttributePair(SHOW_ID, show_id),
            SearchAttributePair(VENUE_ID, venue_id),
            SearchAttributePair(NEEDS_OPERATOR, value=False),
        ]
    )


class OperatorStatus:
    """Keeps a workflow's stage, its details and its call for an operator up to date."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self._waits_for = ""
        self._trouble: str | None = None

    def show(self, stage: str, waits_for: str) -> None:
        """Say where the workflow is and what it waits for."""
        if stage != self.stage:
            workflow.upsert_search_attributes([PURCHASE_STAGE.value_set(stage)])
        self.stage, self._waits_for = stage, waits_for
        self._write()

    def trouble(self, text: str | None) -> None:
        """Ask for an operator, or stop asking."""
        if (text is None) != (self._trouble is None):
            workflow.upsert_search_attributes([NEEDS_OPERATOR.value_set(text is not None)])
        self._trouble = text
        self._write()

    def _write(self) -> None:
        lines = [f"**Stage:** {self.stage}", "", self._waits_for]
        if self._trouble is not None:
            lines += ["", f"**Needs an operator:** {self._trouble}", "", "It is tried again by itself."]
        workflow.set_current_details("\n".join(lines))
