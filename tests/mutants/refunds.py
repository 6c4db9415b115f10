"""Seeded bugs of refunds: money that bought nothing, refunds made elsewhere, cash at the till; and of capacities."""

from tests.mutants.mutant import Mutant

REFUND = "tests/workflows/test_refund.py"
LATE = "tests/workflows/test_payment_case.py"
BOOK = "tests/domain/payments/test_refunds.py"
TILL = "tests/workflows/test_box_office_refunds.py"
LIFE = "tests/property/test_money_events.py::test_a_life_that_lost_a_cent_once"

REFUNDS = (
    Mutant(
        "money that bought nothing is owed to nobody",
        "activities/refunds/unsold.py",
        '    post(uow, purchase, f"{payment.identity}:owed", "payment-owed", owed)\n',
        "",
        "tests/workflows/test_purchase.py::test_automatic_capture",
    ),
    Mutant(
        "a refund in the dashboard of money that bought nothing is given back again",
        "activities/refunds/unsold.py",
        "    for one in strangers(book, made):",
        "    for one in strangers(book, ()):",
        "tests/activities/refunds/test_unsold.py::test_a_payment_is_refunded_when_the_last_part_has_arrived",
    ),
    Mutant(
        "a payment whose refund came back is told as refunded",
        "activities/refunds/pay_refund.py",
        "                note_arrival(uow, book, book.get(refund_id))\n        ",
        "        ",
        "tests/activities/refunds/test_unsold.py::test_a_refund_that_comes_back_is_owed_again",
    ),
    Mutant(
        "the refund of a second payment is taken from the sale's payment",
        "activities/refunds/pay_refund.py",
        "    if known.intent_id:\n        return known, known.intent_id\n",
        "",
        f"{LATE}::test_a_second_payment_of_a_sold_order_goes_back",
    ),
    Mutant(
        "an act that came too late is waited for when its workflow ends",
        "workflows/core/operated.py",
        "        self._history.close()\n",
        "",
        f"{REFUND}::test_a_payment_by_hand_that_comes_too_late_is_refused",
    ),
    Mutant(
        "another try does not see the refund in the dashboard",
        "activities/refunds/pay_refund.py",
        '        if known.state == "failed":\n            known = await self._look_elsewhere(pay, intent_id)\n',
        "",
        "tests/workflows/test_refund_in_dashboard.py::test_trying_again_does_not_repeat_what_was_made_in_the_dashboard",
    ),
    Mutant(
        "a refund in the dashboard is one more beside a failed one",
        "domain/payments/refunds.py",
        "        if alike is not None:\n            self.pend",
        "        if False:\n            self.pend",
        f"{BOOK}::test_a_refund_made_elsewhere_takes_the_place_of_a_failed_one",
    ),
    Mutant(
        "a part that was paid in the dashboard is still owed",
        "domain/payments/refund.py",
        "self.excess_minor - self.paid_elsewhere_minor",
        "self.excess_minor",
        f"{BOOK}::test_a_smaller_one_pays_a_part",
    ),
    Mutant(
        "a look tries a failed refund again",
        "activities/refunds/pay_refund.py",
        '(pay.only_look and known.state == "failed")',
        "False",
        f"{REFUND}::test_a_failed_refund_is_only_looked_at",
    ),
    Mutant(
        "news before the end are forgotten",
        "workflows/refund.py",
        "while self._woken and patches.REFUND_HEEDS_NEWS.on():",
        "while False:",
        f"{REFUND}::test_news_that_come_before_the_end_are_heeded",
    ),
    Mutant(
        "news of a refund that is not recorded yet are dropped",
        "relay/refunds.py",
        "    if found is None:\n        return None\n",
        "    if found is None:\n        return True\n",
        "tests/relay/test_unknown_news.py::test_what_nobody_knows_is_not_ours_after_a_while",
    ),
    Mutant(
        "a decision hands the cash out",
        "activities/refunds/owed.py",
        "        if refund.handed_out:\n",
        "        if True:\n",
        f"{TILL}::test_cash_is_owed_at_the_till_until_a_clerk_hands_it_out",
    ),
    Mutant(
        "the till's cash is the venue's although it is owed to the buyer",
        "activities/refunds/owed.py",
        "        postings = (*postings, *at_till_postings(venue_id, currency, amount))\n",
        "        pass\n",
        f"{TILL}::test_cash_is_owed_at_the_till_until_a_clerk_hands_it_out",
    ),
    Mutant(
        "cash is handed out twice",
        "domain/payments/refunds.py",
        "            return False\n        if not refund.at_till:",
        "            refund = refund.model_copy(update={'at_till': True})\n        if not refund.at_till:",
        f"{BOOK}::test_cash_is_handed_out_once_and_only_at_the_till",
    ),
    Mutant(
        "the loss by a refund that came back stays a loss, twice",
        "domain/money/books.py",
        "(owed, REFUND_LOSSES) if returned else (REFUND_LOSSES, owed)",
        "(REFUND_LOSSES, owed)",
        f"{LIFE}[what nobody owed is our loss, unless it fails at the bank]",
    ),
    Mutant(
        "an earlier refund of the same amount pays the next one",
        "activities/refunds/pay_refund.py",
        "    if book.holder_of(state) not in {None, pay.refund.refund_id}:\n",
        "    if False:\n",
        f"{LIFE}[an earlier refund of the same amount is not the next one]",
    ),
    Mutant(
        "a bank pays what nobody is owed",
        "domain/payments/disputed_refunds.py",
        "min(rest, refund.owed_minor)",
        "min(rest, refund.due_minor)",
        f"{BOOK}::test_a_bank_pays_what_is_owed_and_no_excess",
    ),
    Mutant(
        "a failed refund stays owed beside a larger one at Stripe",
        "activities/payments/late_payments.py",
        'in_place_minor = book.pay_failed(refund, "", uow.at)',
        "in_place_minor = 0",
        "tests/workflows/test_refund_excess.py::test_more_than_a_failed_refund_is_owed_is_no_excess",
    ),
    Mutant(
        "the stock rises without the group on chain",
        "activities/catalog/capacity.py",
        "if show.group_confirmed_for != change.number:",
        "if False:",
        "tests/workflows/test_capacity.py::test_no_stock_without_the_group_on_chain",
    ),
)
