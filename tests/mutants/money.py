"""Seeded bugs of prices, books and payments."""

from tests.mutants.mutant import Mutant

STORE = "tests/activities/test_idempotency.py"
SAGA = "tests/workflows/test_purchase.py"
LATE = "tests/workflows/test_payment_case.py"
GATEWAY = "tests/contract/test_payment_gateway.py"

MONEY = (
    Mutant(
        "half a cent is dropped",
        "domain/money/money.py",
        "return (2 * numerator + denominator * step) // (2 * denominator * step) * step",
        "return numerator // (denominator * step) * step",
        "tests/property/test_money_properties.py::test_a_share_is_never_more_than_half_a_cent_off",
    ),
    Mutant(
        "a split loses its odd cents",
        "domain/money/money.py",
        "        parts[index] += 1\n",
        "        parts[index] += 0\n",
        "tests/property/test_money_properties.py::test_a_split_sums_to_its_amount",
    ),
    Mutant(
        "cash that was handed out for us is owed for ever",
        "activities/refunds/pay_refund.py",
        '                owe_cash(uow, purchase, order, known.from_venue_minor - amount, f"cash:{refund_id}")\n',
        "",
        "tests/workflows/test_box_office_refunds.py::test_a_cash_order_is_given_back_at_the_till",
    ),
    Mutant(
        "the venue is not credited",
        "domain/money/books.py",
        "        taken,\n",
        "",
        "tests/domain/money/test_books.py::test_a_sale_owes_the_venue_its_share_and_the_chain_its_tickets",
    ),
    Mutant(
        "a sale is posted before the money is there",
        "activities/books/post.py",
        '    if payment.state != "captured":',
        "    if False:",
        f"{STORE}::test_the_whole_good_way_repeats_without_a_trace",
    ),
    Mutant(
        "another amount than the price buys tickets",
        "activities/payments/intent.py",
        "        if paid != (price.charge_minor, price.currency):\n",
        "        if paid[0] <= 0:\n",
        f"{SAGA}::test_another_amount_than_the_price_buys_nothing",
    ),
    Mutant(
        "a stray payment is kept",
        "activities/payments/late_payments.py",
        "return (await self._back.release_payment(money, state)).status if reopened is None else reopened",
        "return state.status if reopened is None else reopened",
        f"{LATE}::test_a_second_payment_of_a_sold_order_goes_back",
    ),
    Mutant(
        "late money of another amount buys the seats",
        "domain/orders/reopening.py",
        "due = (order.price.charge_minor, order.price.currency, 0)",
        "due = (paid.amount_minor, paid.currency, 0)",
        f"{LATE}::test_late_money_of_another_amount_goes_back",
    ),
    Mutant(
        "a refund in the dashboard is ignored",
        "activities/payments/late_payments.py",
        "if not refund.key and",
        "if refund.key and",
        f"{LATE}::test_a_refund_in_the_dashboard_becomes_ours",
    ),
    Mutant(
        "a refund on top of a dispute",
        "activities/refunds/request_refund.py",
        "    if is_undecided(disputes):\n        raise PaymentDisputed",
        "    if not disputes:\n        raise PaymentDisputed",
        "tests/workflows/test_dispute.py::test_a_refund_on_top_of_a_dispute_is_refused",
    ),
    Mutant(
        "a disputed part is refunded again",
        "activities/refunds/request_refund.py",
        "lost = lost_breakdown(disputes)",
        "lost = AmountBreakdown()",
        "tests/workflows/test_dispute.py::test_what_the_bank_did_not_take_can_be_given_back",
    ),
    Mutant(
        "a won dispute unblocks what another one blocks",
        "domain/tickets/ticket.py",
        "others if self.dispute_id is not None else []",
        "[]",
        "tests/workflows/test_dispute.py::test_a_ticket_is_blocked_until_its_last_dispute_is_won",
    ),
    Mutant(
        "a refund that may still come is taken for paid by hand",
        "domain/payments/refund.py",
        'if refund.state != "failed":',
        'if refund.state == "succeeded":',
        "tests/workflows/test_refund.py::test_a_refund_that_is_under_way_is_not_paid_by_hand",
    ),
    Mutant(
        "money of a lost task is left at Stripe",
        "workflows/purchase.py",
        "if not self._asked_stripe and not patches.MONEY_OF_A_LOST_TASK.on():",
        "if not self._asked_stripe:",
        "tests/workflows/test_purchase_cancels.py::test_a_cancel_after_a_task_that_was_lost_at_stripe",
    ),
    Mutant(
        "a refund is recorded twice",
        "domain/payments/payment.py",
        '        if self.state == "refunded":\n            return\n'
        '        if self.state != "captured" or amount_minor != self.captured_minor:',
        '        if self.state not in {"captured", "refunded"} or amount_minor != self.captured_minor:',
        "tests/domain/payments/test_payment.py::test_captured_money_is_refunded_once_and_whole",
    ),
    Mutant(
        "money that was taken is not given back",
        "activities/payments/release.py",
        "            await self._refund(money, state)\n",
        "            await self.record(money, state)\n",
        f"{SAGA}::test_automatic_capture",
    ),
    Mutant(
        "a payment that still processes counts as let go",
        "activities/payments/release.py",
        'raise TransientError(f"intent is {state.status}: it can be neither cancelled nor refunded yet")\n',
        "return state\n",
        f"{SAGA}::test_expiry_while_processing_has_a_limit",
    ),
    Mutant(
        "money that went back buys tickets",
        "activities/payments/intent.py",
        "is_refunded = state.refunded_minor > 0",
        "is_refunded = state.refunded_minor < 0",
        f"{SAGA}::test_money_that_went_back_buys_nothing",
    ),
    Mutant(
        "a second attempt pays with the first one's key",
        "activities/payments/intent.py",
        'own_money(purchase).key("intent")',
        'own_money(purchase).key(f"intent-{activity.info().attempt}")',
        f"{SAGA}::test_a_lost_create_is_repeated_under_its_key",
    ),
    Mutant(
        "a create without its idempotency key",
        "adapters/stripe/payments.py",
        '"expand": EXPAND,\n                },\n                {"idempotency_key": attempt_key},\n',
        '"expand": EXPAND,\n                },\n                {},\n',
        f"{GATEWAY}::test_create_twice",
    ),
    Mutant(
        "a lost connection counts as a refusal",
        "adapters/stripe/errors.py",
        "        return TransientError(message, unknown=writing)\n    if isinstance(error, stripe.RateLimitError):",
        "        return PaymentRefused(message)\n    if isinstance(error, stripe.RateLimitError):",
        f"{GATEWAY}::test_lost_request",
    ),
    Mutant(
        "a forged webhook is taken",
        "adapters/stripe/webhook.py",
        "    stripe.WebhookSignature.verify_header(payload, signature_header, secrets[-1], AGE_SECONDS_MAX)\n",
        "",
        "tests/contract/test_stripe_webhooks.py::test_forged",
    ),
    Mutant(
        "the venues' endpoint takes the secrets of ours",
        "api/routes/webhooks.py",
        "deps.verify_connect(await",
        "deps.verify(await",
        "tests/api/routes/test_webhooks.py::test_an_endpoint_takes_its_own_secrets_only",
    ),
    Mutant(
        "an id that no database stores is kept",
        "adapters/stripe/webhook.py",
        " and value.isascii() and value.isprintable()",
        "",
        "tests/contract/test_tables.py::test_every_signed_event_can_be_stored",
    ),
    Mutant(
        "a process starts with refused settings",
        "settings/check.py",
        "        raise SystemExit(REFUSED_EXIT)\n",
        "",
        "tests/settings/test_check.py::test_a_refused_start_prints_one_list_and_exits_with_two",
    ),
    Mutant(
        "an old webhook is taken for a new one",
        "adapters/stripe/webhook.py",
        "signature_header, secrets[-1], AGE_SECONDS_MAX)",
        "signature_header, secrets[-1], None)",
        "tests/contract/test_stripe_webhooks.py::test_forged",
    ),
)
