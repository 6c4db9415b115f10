"""The books: every posting balances, and a sale credits each recipient."""

import pytest

from domain.money.books import (
    MINT_DEBT,
    PLATFORM_FEES,
    PROCESSING_FEES,
    STRIPE_CLEARING,
    TICKET_UNIT,
    TICKETS_SOLD,
    BooksTransaction,
    Posting,
    TransactionPosted,
    balances,
    cash_till,
    minted_postings,
    sale_postings,
    tax_payable,
    unsold_postings,
    venue_account,
    venue_payable,
)
from domain.money.money import FeeRates, Tax, price_of
from tests.fakes.samples import AT, PRICE


def test_a_sale_owes_the_venue_its_share_and_the_chain_its_tickets() -> None:
    """Clearing has the buyer's payment less Stripe's real fee; the difference stays in the processing fees."""
    totals = balances(sale_postings("ve", PRICE, stripe_fee_minor=94, ticket_count=2))
    assert (PRICE.total_minor, PRICE.platform_fee_minor, PRICE.processing_fee_minor) == (2208, 150, 58)
    assert totals == {
        (STRIPE_CLEARING, "eur"): -(2208 - 94),
        (venue_payable("ve"), "eur"): 2000,
        (PLATFORM_FEES, "eur"): 150,
        (PROCESSING_FEES, "eur"): 58 - 94,
        (TICKETS_SOLD, TICKET_UNIT): -2,
        (MINT_DEBT, TICKET_UNIT): 2,
    }


def test_absorbed_fees_pass_through_the_venues_account() -> None:
    """The venue's statement shows its credit and the fees that it bears; the tax has an account of its own."""
    price = price_of("eur", ((2, 1000),), FeeRates(fees="absorbed"), tax=Tax(2000, inclusive=True))
    postings = sale_postings("ve", price, 58, 2)
    assert [(line.debit, line.credit, line.amount) for line in postings[:-1]] == [
        (STRIPE_CLEARING, venue_payable("ve"), 1667),
        (venue_payable("ve"), PLATFORM_FEES, 150),
        (venue_payable("ve"), PROCESSING_FEES, 58),
        (STRIPE_CLEARING, tax_payable("ve"), 333),
        (PROCESSING_FEES, STRIPE_CLEARING, 58),
    ]
    totals = balances(postings)
    assert totals[venue_payable("ve"), "eur"] == price.venue_share_minor == 1667 - 150 - 58
    assert totals[STRIPE_CLEARING, "eur"] == -(2000 - 58)


def test_a_discount_is_money_that_never_was() -> None:
    """The books have the paid amount only; the order has the discount."""
    price = price_of("eur", ((2, 1000),), FeeRates(), discount_minor=500)
    assert balances(sale_postings("ve", price, 0, 2))[venue_payable("ve"), "eur"] == 1500
    assert not [line for line in sale_postings("ve", price, 0, 2) if line.amount in {500, 2000}]


def test_a_minted_ticket_pays_one_of_the_debt() -> None:
    """When every ticket is on chain, the mint debt is zero and the money is unchanged."""
    sold = sale_postings("ve", PRICE, 94, 2)
    totals = balances((*sold, *minted_postings(), *minted_postings()))
    assert totals[MINT_DEBT, TICKET_UNIT] == totals[TICKETS_SOLD, TICKET_UNIT] == 0
    assert totals[venue_payable("ve"), "eur"] == 2000


def test_a_free_sale_moves_no_money_and_owes_its_tickets() -> None:
    """Nothing is posted for an amount of zero."""
    (only,) = sale_postings("ve", price_of("eur", ((3, 0),), FeeRates()), 0, 3)
    assert (only.credit, only.amount, only.unit) == (MINT_DEBT, 3, TICKET_UNIT)


def test_cash_lies_in_the_till_and_never_at_stripe() -> None:
    """The venue has all of it and owes fees and tax: together that is its share of any sale."""
    totals = balances(sale_postings("ve", PRICE.model_copy(update={"tender": "cash"}), 0, 2))
    assert totals[cash_till("ve"), "eur"] == -PRICE.total_minor
    assert totals[venue_account("ve", "paid_out"), "eur"] == PRICE.total_minor
    assert totals[venue_payable("ve"), "eur"] == 2000 - PRICE.total_minor
    assert (STRIPE_CLEARING, "eur") not in totals


def test_money_that_bought_nothing_is_owed_and_costs_its_fee() -> None:
    """All of it is owed to the buyer, and Stripe keeps its fee; nothing is posted for nothing."""
    assert balances(unsold_postings("pu", "eur", 2208, 94)) == {
        ("buyer:pu:refundable", "eur"): 2208,
        (PROCESSING_FEES, "eur"): -94,
        (STRIPE_CLEARING, "eur"): 94 - 2208,
    }
    assert unsold_postings("pu", "eur", 0, 0) == ()


@pytest.mark.parametrize("amount", [0, -5])
def test_a_posting_is_of_something(amount: int) -> None:
    """A posting's direction is in its accounts; zero and negative amounts are refused."""
    with pytest.raises(ValueError, match="positive"):
        Posting(debit="a", credit="b", amount=amount, unit="eur")


def test_empty_books_have_no_balances() -> None:
    """Without postings there are no accounts."""
    assert balances(()) == {}


def test_a_transaction_keeps_its_postings() -> None:
    """Postings are read back unchanged, under the key of their money event."""
    postings = sale_postings("ve", PRICE, 94, 2)
    made = BooksTransaction.begin(
        TransactionPosted,
        "pu:sale",
        AT,
        tenant_id="default",
        purchase_id="pu",
        kind="sale",
        postings=[posting.plain() for posting in postings],
    )
    assert (made.identity, made.kind, made.postings) == ("pu:sale", "sale", postings)
