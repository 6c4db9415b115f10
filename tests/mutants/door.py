"""Seeded bugs of the door, and of what an order gives back."""

from tests.mutants.mutant import Mutant

ENTRIES = (
    Mutant(
        "a ticket whose payment is disputed gives entry",
        "domain/tickets/admission.py",
        '("blocked", ticket.blocked),',
        '("blocked", False),',
        "tests/api/routes/test_door.py::test_a_ticket_that_a_dispute_blocks_gives_no_entry",
    ),
    Mutant(
        "the wrong hall uses a ticket up",
        "domain/tickets/admission.py",
        '("wrong-show", ticket.show_id != show.show_id),',
        '("wrong-show", False),',
        "tests/api/routes/test_checkins.py::test_a_scan_is_bound_to_its_show_and_to_the_newest_code",
    ),
    Mutant(
        "an old code gives entry",
        "domain/tickets/admission.py",
        "generation not in {None, ticket.generation}",
        "False",
        "tests/api/routes/test_checkins.py::test_a_scan_is_bound_to_its_show_and_to_the_newest_code",
    ),
    Mutant(
        "a repeated scan finds its own entry",
        "activities/sales/door/check_in.py",
        "    if known is not None:\n        known.check_same(scan.ticket_id)\n        return _view(known)\n",
        "",
        "tests/api/routes/test_checkins.py::test_a_repeated_scan_gets_the_first_answer",
    ),
    Mutant(
        "a code is read under any key id",
        "adapters/privacy/ticket_codes.py",
        "self._deployment_id.encode(), key_id.encode()]",
        "self._deployment_id.encode()]",
        "tests/adapters/privacy/test_ticket_codes.py::test_a_code_of_somebody_else_is_nobodys",
    ),
    Mutant(
        "tickets that were given back still count for the buyer",
        "activities/sales/order.py",
        "keep(order.identity, left, uow.at)",
        "keep(order.identity, left and len(_tickets(uow, order)), uow.at)",
        "tests/activities/sales/test_give_back.py::test_tickets_that_were_given_back_no_longer_count_for_the_buyer",
    ),
    Mutant(
        "a refunded order keeps its use of a code",
        "activities/sales/order.py",
        "    if order.discount_code is not None:\n        key = hold_key_of(order.identity, order.attempt)\n",
        "    if order.discount_code is not None and not order.is_sold:\n"
        "        key = hold_key_of(order.identity, order.attempt)\n",
        "tests/activities/sales/test_give_back.py::test_every_way_out_gives_everything_back",
    ),
)
