"""Start the onboarding of venues' accounts, and the schedule of transfers."""

import asyncio
import logging
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WithStartWorkflowOperation

from activities.core.about import About
from activities.payouts.ports import AccountStatus, VenueRef
from relay.schedules import ensure_rounds
from relay.workflow_client import UNREACHABLE, named
from workflows.core.search_attributes import shown_as
from workflows.core.task_queue import first_stage_of
from workflows.payouts import OnboardingInput, OnboardingWorkflow, TransfersInput, TransfersWorkflow

log = logging.getLogger(__name__)
SCHEDULE_ID = "transfers"


class PayoutsClient:
    """Temporal client for payouts; a request waits `timebox_seconds` for its onboarding link."""

    def __init__(self, client: Client, timebox_seconds: float, poll_seconds: float) -> None:
        self._client = client
        self._timebox_seconds = timebox_seconds
        self._poll_seconds = poll_seconds

    async def onboard(self, venue: VenueRef) -> AccountStatus | None:
        """Begin or continue the onboarding of a venue; return the account's status, or None after the time box."""
        given = OnboardingInput(venue=venue, poll_seconds=self._poll_seconds)
        start: Any = WithStartWorkflowOperation(OnboardingWorkflow.run, given, **_terms(venue))
        try:
            async with asyncio.timeout(self._timebox_seconds):
                seen: AccountStatus = await self._client.execute_update_with_start_workflow(
                    "look", result_type=AccountStatus, start_workflow_operation=start,
                    rpc_timeout=timedelta(seconds=self._timebox_seconds),
                )  # fmt: skip
        except UNREACHABLE as error:
            log.warning("Temporal did not answer for %s: %s", venue.venue_id, type(error).__name__)
            return None
        return seen


def _terms(venue: VenueRef) -> dict[str, Any]:
    about = About(venue_id=venue.venue_id)
    return named(OnboardingWorkflow, f"onboarding/{venue.venue_id}", "Stripe account of a venue", about)


async def ensure_schedule(client: Client, every_seconds: int, transfers: TransfersInput) -> bool:
    """Create the schedule that sends due transfers, unless there is one; rounds never overlap."""
    shown = shown_as("Sends venues their due shares", first_stage_of(TransfersWorkflow), About())
    return await ensure_rounds(client, SCHEDULE_ID, every_seconds, (TransfersWorkflow.run, transfers), shown)
