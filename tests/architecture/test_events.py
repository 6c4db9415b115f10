"""Every domain event is folded into a read model, once, or declared as not shown in any."""

from collections import Counter

from adapters.read_models.catalog import TICKET_FOLDS
from adapters.read_models.purchase import NOT_IN_TIMELINE, TABLES, TEXTS, UNFOLDED
from tests.architecture.test_persisted_names import stored_events

TOLD = ("domain.orders.", "domain.payments.", "domain.tickets.")


def test_every_event_has_a_fold_or_needs_none() -> None:
    """A new event fails until the projection folds it or declares that it needs no fold, and so does a lost fold."""
    folded = {event for table in TABLES for event in table}
    astray = stored_events() ^ (folded | UNFOLDED)
    assert astray == set(), "fold each in adapters/read_models/, or name it in UNFOLDED of its purchase.py"
    assert folded & UNFOLDED == set()


def test_no_event_has_two_folds() -> None:
    """A second fold could hide a lost one; a ticket's events change its own document and its purchase's."""
    times = Counter(event for table in TABLES for event in table)
    assert {event for event, count in times.items() if count > 1} == TICKET_FOLDS.keys()


def test_every_event_of_a_purchase_is_in_its_timeline() -> None:
    """Each event of an order, a payment or a ticket has its text."""
    untold = {event for event in stored_events() if event.__module__.startswith(TOLD)} - TEXTS.keys()
    assert untold ^ NOT_IN_TIMELINE == set(), "TEXTS in adapters/read_models/purchase.py has other events"
