"""Correct the personal data of a buyer in the name of a subject, and leave an event that says so."""

from collections.abc import Mapping
from typing import Protocol

from activities.core.ports import EventStore
from domain.orders.order import Order
from domain.orders.personal_data import KeptBuyer, PersonalData


class CorrectedTable(Protocol):
    """The table of personal data."""

    async def correct(self, buyer: KeptBuyer, personal: PersonalData) -> None:
        """Replace the personal data of a buyer."""


class BuyerCorrection:
    """Corrects the name and the e-mail address of the buyers of a purchase.

    The event comes first: a correction that fails after it is repeated. Tokens go to the wallet that was given, so
    a wallet is not corrected.
    """

    def __init__(self, store: EventStore, buyers: CorrectedTable) -> None:
        self._store = store
        self._buyers = buyers

    async def correct(self, purchase_id: str, kept: KeptBuyer, new: Mapping[str, str | None]) -> KeptBuyer:
        """Replace these fields of a buyer; the same values again change nothing. Return the buyer."""
        personal = kept.personal._replace(**new)
        changed = [name for name in PersonalData._fields if getattr(personal, name) != getattr(kept.personal, name)]
        if changed:
            await self._store.commit(lambda uow: uow.get(Order, purchase_id).correct_buyer(changed, uow.at))
            await self._buyers.correct(kept, personal)
        return kept._replace(personal=personal)
