"""Whom the relay tells of what happens to a sale's money afterwards."""

from typing import Protocol

from activities.core.commands import DisputeRef
from activities.payouts.ports import PayoutRef, VenueRef


class Paymaster(Protocol):
    """Who follows venues' accounts and payouts; False means that the engine could not be reached."""

    async def account_changed(self, venue: VenueRef) -> bool:
        """Tell a venue's onboarding of news."""

    async def follow_payout(self, payout: PayoutRef, event_id: str) -> bool:
        """Start the look at a payout."""


class DisputeStarter(Protocol):
    """The engine, as far as disputes go."""

    async def follow_dispute(self, dispute: DisputeRef) -> bool:
        """Start to follow a dispute, or tell whoever follows it to look again; False when nobody could be reached."""
