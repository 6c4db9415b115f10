"""Every domain event is folded into a read model, once, or is declared as one that no document shows."""

from collections import Counter

from adapters.read_models.catalog_and_books import TICKET_FOLDS
from adapters.read_models.purchase import TABLES, TEXTS, UNFOLDED, UNTOLD
from tests.architecture.test_persisted_names import stored_events

TOLD = ("domain.orders.", "domain.payments.", "domain.tickets.")


def test_every_event_has_a_fold_or_needs_none() -> None:
    """A new event is red until the projection folds it or declares that it shows nothing, and so is a lost fold."""
    folded = {event for table in TABLES for event in table}
    assert stored_events() ^ (folded | UNFOLDED) == set()
    assert folded & UNFOLDED == set()


def test_no_event_has_two_folds() -> None:
    """A lost fold is never hidden by another one; a ticket's events change its own sheet and then its purchase's."""
    times = Counter(event for table in TABLES for event in table)
    assert {event for event, count in times.items() if count > 1} == TICKET_FOLDS.keys()


def test_whatever_happens_to_a_purchase_is_in_its_timeline() -> None:
    """Each event of an order, a payment or a ticket has its words."""
    assert {event for event in stored_events() if event.__module__.startswith(TOLD)} - TEXTS.keys() == UNTOLD
