"""Seeded bugs of what banks take of a charge and give back, and of the books beside Stripe's balance."""

from tests.mutants.mutant import Mutant

CHARGES_TEST = "tests/workflows/test_disputed_charges.py"
EXCESS_TEST = "tests/workflows/test_refund_excess.py"
DISPUTE_TEST = "tests/domain/payments/test_dispute.py"
BOOKINGS = "tests/domain/invariants/test_wrong_bookings.py"

CHARGES = (
    Mutant(
        "what a person gave back beyond what was owed is no loss",
        "activities/refunds/owed.py",
        "    post_excess(uow, purchase, book, refund)\n",
        "",
        f"{EXCESS_TEST}::test_a_sale_that_was_paid_back_by_hand_before",
    ),
    Mutant(
        "an excess that failed at the bank stays a loss",
        "activities/refunds/pay_refund.py",
        "                return_excess(uow, pay.refund.purchase, book, refund_id)\n",
        "",
        f"{EXCESS_TEST}::test_an_excess_that_fails_at_the_bank_is_no_loss",
    ),
    Mutant(
        "a payment that its bank took back stays owed",
        "activities/disputes/follow.py",
        "    _note_arrival(uow, dispute, seen)\n\n\ndef _open",
        "\n\ndef _open",
        f"{CHARGES_TEST}::test_a_dispute_of_money_that_is_being_given_back_pays_it",
    ),
    Mutant(
        "every dispute is one of the sale",
        "activities/disputes/lookup.py",
        'return payment is not None and intent_id in {payment.intent_id, ""}',
        "return payment is not None",
        f"{CHARGES_TEST}::test_a_dispute_of_a_second_payment_leaves_the_sale_alone",
    ),
    Mutant(
        "a bank takes what was refunded from those who gave it back",
        "activities/disputes/lookup.py",
        "[refund.given_back for refund in book.of_payment(*names)]",
        "[]",
        f"{CHARGES_TEST}::test_a_dispute_after_a_refund_takes_what_is_left",
    ),
    Mutant(
        "what comes back never pays the platform's loss",
        "domain/payments/holdings.py",
        "loss = min(amount_minor, self.loss_minor)",
        "loss = 0",
        f"{DISPUTE_TEST}::test_what_comes_back_goes_to_those_who_lost_it",
    ),
    Mutant(
        "a refund that was paid by hand is taken for paid by the bank",
        "domain/payments/holdings.py",
        "paid_minor = max(self.owed_minor - owed_minor, 0)",
        "paid_minor = 0",
        f"{CHARGES_TEST}::test_a_refund_that_was_paid_by_hand_meanwhile_is_a_loss",
    ),
    Mutant(
        "a prevented dispute is won whatever it took",
        "domain/payments/dispute.py",
        'return "won" if self.returned_minor >= self.amount_minor else "lost"',
        'return "won"',
        f"{CHARGES_TEST}::test_a_prevented_dispute_ends",
    ),
    Mutant(
        "a refund is paid although the bank has paid it",
        "activities/refunds/pay_refund.py",
        'if known.state == "succeeded" and not (known.stripe_refund_id and known.due_minor):',
        "if False:",
        f"{CHARGES_TEST}::test_a_pending_refund_that_is_disputed_is_paid_by_the_bank",
    ),
    Mutant(
        "what came back of a sent share stays the venue's debt",
        "activities/disputes/follow.py",
        "if payee is not None and is_deducted and back.parties.venue_minor:",
        "if False:",
        f"{CHARGES_TEST}::test_a_part_of_a_lost_dispute_comes_back",
    ),
    Mutant(
        "what came back of a share before its transfer is sent twice",
        "domain/payments/dispute.py",
        "return self.taken.parties.venue_minor + self.owed_venue_minor",
        "return self.taken.parties.venue_minor - self.returned_minor",
        f"{CHARGES_TEST}::test_what_comes_back_before_the_transfer_is_sent_with_it",
    ),
    Mutant(
        "the fee of a payout is in no account",
        "domain/payments/own_movement.py",
        "(PROCESSING_FEES, -movement.fee_minor)",
        "(PROCESSING_FEES, 0)",
        "tests/relay/test_own_balance.py::test_a_movement_leaves_what_stripe_has",
    ),
    Mutant(
        "our own balance is looked at from the last look on",
        "relay/own_balance.py",
        "self._seen - OVERLAP if",
        "self._seen if",
        "tests/relay/test_own_balance.py::test_each_movement_is_booked_once",
    ),
    Mutant(
        "the charges of a purchase are compared together",
        "domain/invariants/money/folds.py",
        "            return named\n",
        '            return ""\n',
        f"{BOOKINGS}::test_the_day_is_whole",
    ),
    Mutant(
        "a venue's balance at Stripe is not compared",
        "domain/invariants/own_balance.py",
        "    if ANY_PAYOUT in running:\n",
        "    if True:\n",
        f"{BOOKINGS}::test_a_wrong_booking_is_found",
    ),
)
