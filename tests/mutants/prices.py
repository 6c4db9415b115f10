"""Seeded bugs of discounts, taxes, free orders and the price lock."""

from tests.mutants.mutant import Mutant

SALES = "tests/activities/sales/test_order.py"
PRICING = "tests/domain/catalog/test_pricing.py"

PRICES = (
    Mutant(
        "an absorbed fee makes the venue owe us",
        "domain/money/money.py",
        "        platform = min(platform, net - processing)\n",
        "",
        f"{PRICING}::test_absorbed_fees_never_take_more_than_there_is",
    ),
    Mutant(
        "a fixed fee below the currency's granularity",
        "domain/money/money.py",
        "rounded(minor, 1, step) for minor in",
        "minor for minor in",
        "tests/property/test_money_properties.py::test_a_price_is_the_sum_of_its_parts",
    ),
    Mutant(
        "each party's part is split over the tickets by itself",
        "domain/money/breakdown.py",
        "    totals = split_minor(whole.total_minor, tuple(worth), step)\n"
        "    return [breakdown_from(parts) for parts in matrix_minor(totals, whole.figures, step)]",
        "    split = [split_minor(figure, tuple(worth), step) for figure in whole.figures]\n"
        "    return [breakdown_from([part[at] for part in split]) for at in range(len(worth))]",
        "tests/activities/refunds/test_ticket_prices.py::test_equal_tickets_are_refunded_equally",
    ),
    Mutant(
        "fees that the buyer bears come back with the rest",
        "activities/refunds/request_refund.py",
        'if refund.fees != "buyer":',
        "if True:",
        "tests/activities/refunds/test_ticket_prices.py::test_fees_that_the_buyer_bears_stay_with_the_rest",
    ),
    Mutant(
        "the last amount leaves the tickets valid",
        "activities/refunds/request_refund.py",
        "_paid_back(uow, command, order, prices)] if is_all else asked",
        "_paid_back(uow, command, order, prices)] if command.ticket_ids else asked",
        "tests/activities/refunds/test_ticket_prices.py::test_all_money_back_voids_the_tickets",
    ),
    Mutant(
        "fixed fees of one currency are taken in another",
        "activities/catalog/register.py",
        "    venue.rates.fixed_in(command.currency)\n",
        "",
        "tests/api/routes/test_venues.py::test_a_show_in_a_currency_without_fixed_fees",
    ),
    Mutant(
        "the tax is posted to no account",
        "domain/money/books.py",
        "        (venue if in_cash else STRIPE_CLEARING, tax_payable(venue_id), price.tax_minor),\n",
        "",
        "tests/property/test_money_properties.py::test_the_books_balance_to_nothing_per_unit",
    ),
    Mutant(
        "an order below the minimum charge is sold",
        "domain/catalog/pricing.py",
        "    check_charge(price.charge_minor, show.currency)\n",
        "",
        f"{PRICING}::test_what_no_card_can_be_charged_is_refused",
    ),
    Mutant(
        "a limited discount is not claimed",
        "activities/sales/order.py",
        "order.discount_code).claim(key, uow.at)",
        "order.discount_code)",
        f"{SALES}::test_a_limited_discount_is_held_with_the_seats_and_given_back_with_them",
    ),
    Mutant(
        "a discount is not given back",
        "activities/sales/order.py",
        "order.discount_code).give_back(key, reason, uow.at)",
        "order.discount_code)",
        f"{SALES}::test_a_limited_discount_is_held_with_the_seats_and_given_back_with_them",
    ),
    Mutant(
        "a repeated placing prices anew",
        "activities/sales/order.py",
        "    if price is None:\n        price = _reserve(uow, order, tender, holder)\n",
        "    if True:\n        price = _reserve(uow, order, tender, holder)\n",
        f"{SALES}::test_the_price_is_locked_during_the_hold",
    ),
    Mutant(
        "the buyer pays another total than expected",
        "domain/orders/order.py",
        "if self.expected_total_minor not in {None, price.total_minor}:",
        "if False:",
        f"{SALES}::test_who_counts_on_a_total_pays_that_or_nothing",
    ),
    Mutant(
        "a purchase is accepted after the sale window",
        "activities/sales/request_purchase.py",
        '(show.check_window if command.tender == "card" else show.check_over)(uow.at)',
        "show.check_over(uow.at)",
        f"{SALES}::test_the_door_opens_and_closes_with_the_sale_window",
    ),
    Mutant(
        "a free order waits for a payment",
        "workflows/purchase.py",
        "        if order.price.charge_minor:\n",
        "        if True:\n",
        "tests/workflows/test_free_orders.py::test_a_free_order_is_fulfilled_without_stripe",
    ),
    Mutant(
        "a free order makes an intent when it is undone",
        "activities/payments/intent.py",
        " or order.price.charge_minor == 0",
        "",
        "tests/workflows/test_free_orders.py::test_no_payment_is_made_to_undo_a_free_order",
    ),
)
