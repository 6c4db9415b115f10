"""Refunds: parts that sum to the cent, and refunds of a purchase that never exceed its price."""

import pytest

from domain.catalog.show_cancellation import ShowCancellation, ShowCancellationBegun
from domain.core.errors import KeyReused, RefundExceeds, UnknownSubject, WrongState
from domain.money.breakdown import AmountBreakdown, amount_breakdown, breakdown_of, summed, ticket_breakdown
from domain.money.money import FeeRates, Tax, price_of
from domain.payments.disputed_refunds import owe_again, pay_by_bank
from domain.payments.payment_intent import StripeRefund
from domain.payments.refund import Refund
from domain.payments.refunds import Refunds, RefundsOpened
from tests.fakes.samples import AT, events_of, folded, names_of, through_json

PRICE = price_of("eur", ((2, 1000), (1, 2505)), FeeRates(), 451, Tax(1900, inclusive=True))


@pytest.fixture
def book() -> Refunds:
    return Refunds.begin(RefundsOpened, "pu", AT, tenant_id="default", price=PRICE.model_dump())


def refund(number: int, given: AmountBreakdown, *tickets: str) -> Refund:
    terms = {"body_digest": f"d{number}", "reason": "goodwill", "fees": "platform"}
    return Refund.model_validate({"refund_id": f"rf{number}", "ticket_ids": tickets, "given": given, **terms})


def test_all_tickets_together_are_the_price() -> None:
    """The tickets' parts sum to the price; free tickets have none."""
    parts = ticket_breakdown(PRICE, [900, 900, 2254])
    assert summed(parts) == breakdown_of(PRICE)
    assert all(part.total_minor for part in parts)
    free = price_of("eur", ((2, 0),), FeeRates())
    assert ticket_breakdown(free, [0, 0]) == [AmountBreakdown(), AmountBreakdown()]


def test_an_amount_takes_from_each_part_and_never_more_than_it_has() -> None:
    """Every amount up to the whole can be taken, and amount and rest sum to the whole."""
    whole = breakdown_of(PRICE)
    for amount in (0, 1, 7, 100, whole.total_minor - 1, whole.total_minor):
        taken = amount_breakdown(whole, amount, "eur")
        assert taken.total_minor == amount
        assert taken.capped(whole) == taken
        assert taken.total_minor + whole.less(taken).total_minor == whole.total_minor


def test_refunds_stay_within_what_was_paid(book: Refunds) -> None:
    """More than the rest of one part, or nothing at all, is refused; a failed refund is still owed."""
    whole = breakdown_of(PRICE)
    half = amount_breakdown(whole, whole.total_minor // 2, "eur")
    book.request(refund(1, half), AT)
    book.fail("rf1", "", "declined", AT)
    for wanted in (
        refund(2, whole),
        refund(2, AmountBreakdown(platform_minor=whole.platform_minor)),
        refund(2, AmountBreakdown()),
    ):
        with pytest.raises(RefundExceeds):
            book.request(wanted, AT)
    rest = book.request(refund(2, book.left()), AT)
    assert (rest.state, book.left()) == ("requested", AmountBreakdown())
    assert book.request(refund(3, AmountBreakdown(), "ti"), AT).state == "requested"  # so that the relay finds it


def test_only_what_has_failed_is_paid_by_hand(book: Refunds) -> None:
    """A refund that may still arrive from Stripe is not paid by hand; a repeat changes nothing."""
    given = amount_breakdown(breakdown_of(PRICE), 100, "eur")
    book.request(refund(1, given), AT)
    assert not book.pay_by_hand("rf1", "bank transfer", AT)
    book.fail("rf1", "", "expired_or_canceled_card", AT)
    assert book.pay_by_hand("rf1", "bank transfer", AT)
    assert not book.pay_by_hand("rf1", "bank transfer", AT)
    assert names_of(book)[-1] == "RefundPaidByHand"
    assert (book.get("rf1").state, book.left().total_minor) == ("succeeded", PRICE.total_minor - 100)


def test_what_a_bank_has_given_back_is_not_left(book: Refunds) -> None:
    """A loss may exceed the rest of one part; all together never exceed the price."""
    whole = breakdown_of(PRICE)
    lost = amount_breakdown(whole, whole.total_minor // 2, "eur")
    assert book.left(lost) == whole.less(lost)
    book.request(refund(1, AmountBreakdown(venue_minor=whole.venue_minor)), AT)
    left = book.left(lost)
    assert left.total_minor == max(whole.total_minor - whole.venue_minor - lost.total_minor, 0)
    assert left.venue_minor == 0
    assert book.left(whole) == AmountBreakdown()


def test_a_key_finds_its_refund(book: Refunds) -> None:
    """Another body and an unknown refund are refused."""
    book.request(refund(1, AmountBreakdown(venue_minor=1)), AT)
    assert book.find("rf1", "d1") == book.get("rf1")
    assert book.find("rf2", "d2") is None
    with pytest.raises(KeyReused):
        book.find("rf1", "d2")
    with pytest.raises(UnknownSubject):
        book.get("rf2")


def test_a_refund_goes_forward_and_may_fail_even_after_it_succeeded(book: Refunds) -> None:
    """Repeated updates change nothing; each failure begins a new attempt."""
    book.request(refund(1, AmountBreakdown(venue_minor=5)), AT)
    for _ in range(2):
        book.pend("rf1", "re_1", AT)
    assert [book.succeed("rf1", "re_1", AT) for _ in range(2)] == [True, False]
    book.pend("rf1", "re_1", AT)
    assert (book.get("rf1").state, book.get("rf1").stripe_refund_id) == ("succeeded", "re_1")
    book.fail("rf1", "re_1", "expired", AT)
    found = book.get("rf1")
    assert (found.state, found.turn, found.failure, found.stripe_refund_id) == ("failed", 2, "expired", None)
    assert names_of(book) == ["RefundRequested", "RefundPending", "RefundSucceeded", "RefundFailed"]


def test_a_cancellation_is_paused_goes_on_and_ends() -> None:
    """Each step is idempotent, and nothing changes after the end."""
    terms = {"tenant_id": "default", "body_digest": "d", "fees": "venue", "rate_per_second": 5.0}
    made = ShowCancellation.begin(ShowCancellationBegun, "sh", AT, **terms)
    made.check_same("d")
    with pytest.raises(KeyReused):
        made.check_same("other")
    made.go_on(None, AT)
    for _ in range(2):
        made.pause(AT)
    made.go_on(7.0, AT)
    made.go_on(8.0, AT)
    for _ in range(2):
        made.finish(AT)
    made.pause(AT)
    made.go_on(9.0, AT)
    assert (made.state, made.rate_per_second) == ("finished", 8.0)
    assert names_of(made) == [
        "ShowCancellationPaused",
        "ShowCancellationResumed",
        "ShowCancellationResumed",
        "ShowCancellationFinished",
    ]


def made(amount_minor: int, refund_id: str = "re_x") -> StripeRefund:
    """Return a refund that a person made in the dashboard."""
    return StripeRefund(refund_id=refund_id, intent_id="pi", amount_minor=amount_minor, status="succeeded")


def failed(book: Refunds, number: int, amount_minor: int) -> Refund:
    """Decide a refund of the sale that fails at Stripe."""
    book.request(refund(number, amount_breakdown(book.left(), amount_minor, "eur"), "ti"), AT)
    book.fail(f"rf{number}", "", "expired_or_canceled_card", AT)
    return book.get(f"rf{number}")


def test_a_refund_made_elsewhere_takes_the_place_of_a_failed_one(book: Refunds) -> None:
    """Of the same amount: the same refund, with its tickets, is under way; one that nobody failed is left alone."""
    book.request(refund(1, amount_breakdown(book.left(), 100, "eur")), AT)
    assert not book.take_place(made(100), "", AT)
    failed(book, 2, 100)
    assert book.take_place(made(100), "", AT)
    taken = book.get("rf2")
    assert (taken.state, taken.stripe_refund_id, taken.ticket_ids) == ("pending", "re_x", ("ti",))
    assert book.holder_of(made(100)) == "rf2"
    assert book.holder_of(made(100, "re_y")) is None
    assert not book.take_place(made(100, "re_y"), "", AT)


def test_a_smaller_one_pays_a_part(book: Refunds) -> None:
    """The failed one owes the rest; the part is a refund of its own, which takes nothing from anybody's share."""
    failed(book, 1, 300)
    left = book.left()
    assert book.take_place(made(100), "", AT)
    assert not book.take_place(made(201, "re_y"), "", AT)
    rest, part = book.get("rf1"), next(one for one in book.refunds.values() if one.refund_id != "rf1")
    assert (rest.state, rest.amount_minor, rest.given.total_minor) == ("failed", 200, 300)
    assert (part.state, part.amount_minor, part.given, part.from_venue_minor) == ("pending", 100, AmountBreakdown(), 0)
    assert book.left() == left


def test_a_larger_one_pays_all_that_failed_first(book: Refunds) -> None:
    """Oldest first, the last one in part; what is over is the caller's to record, with the part that was owed."""
    failed(book, 1, 100)
    failed(book, 2, 150)
    assert not book.take_place(made(400), "", AT)
    assert [book.pay_failed(made(amount), "", AT) for amount in (100, 20)] == [100, 20]
    assert [(one.state, one.due_minor) for one in book.refunds.values()] == [("succeeded", 0), ("failed", 130)]
    assert book.pay_failed(made(400), "", AT) == 130
    adopted = refund(3, amount_breakdown(book.left(), 270, "eur")).model_copy(update={"unsold_minor": 250})
    left = book.left()
    book.request(adopted, AT)
    again: Refunds = folded(through_json(events_of(book)))
    for one in (book, again):
        assert (one.get("rf3").amount_minor, one.get("rf3").given.total_minor) == (520, 270)
        assert one.left().total_minor == left.total_minor - 270
        assert [known.owed_minor for known in one.refunds.values()] == [0, 0, 520]


def test_cash_is_handed_out_once_and_only_at_the_till(book: Refunds) -> None:
    """A clerk's word is recorded when the cash is owed at the till, and a repeat changes nothing."""
    book.request(refund(1, amount_breakdown(book.left(), 100, "eur")), AT)
    with pytest.raises(WrongState, match="not owed at the till"):
        book.hand_out("rf1", AT)
    for _ in range(2):
        book.owe_at_till("rf1", AT)
    assert book.hand_out("rf1", AT)
    assert not book.hand_out("rf1", AT)
    book.owe_at_till("rf1", AT)
    assert names_of(book)[-2:] == ["RefundOwedAtTill", "RefundHandedOut"]
    assert (book.get("rf1").state, book.get("rf1").at_till) == ("succeeded", False)


def test_a_bank_pays_the_oldest_refunds_that_are_owed(book: Refunds) -> None:
    """A lost dispute pays part of one refund, then the next; what Stripe returns is another refund, newest first."""
    whole = breakdown_of(PRICE)
    for number in (1, 2, 3):
        book.request(refund(number, amount_breakdown(whole, 100, "eur")), AT)

    def owed() -> list[tuple[str, int, int]]:
        return [(one.state, one.due_minor, one.by_bank_minor) for one in book.refunds.values()]

    assert pay_by_bank(book, "du", ["", "pi"], 60, AT) == 60
    assert owed() == [("requested", 40, 60), ("requested", 100, 0), ("requested", 100, 0)]
    assert pay_by_bank(book, "du", ["", "pi"], 90, AT) == 90
    assert owed() == [("succeeded", 0, 100), ("requested", 50, 50), ("requested", 100, 0)]
    owe_again(book, "du", "du:returned:70", ["", "pi"], 70, AT)
    assert owed() == [
        ("succeeded", 0, 80), ("requested", 50, 0), ("requested", 100, 0), ("requested", 50, 0), ("requested", 20, 0),
    ]  # fmt: skip
    assert {one.intent_id for one in list(book.refunds.values())[3:]} == {"pi"}
    assert sum(one.amount_minor for one in book.refunds.values()) == 300


def test_what_a_bank_gives_back_of_the_newest_leaves_the_older_paid(book: Refunds) -> None:
    """The newest refund that the bank had paid is owed again, as far as the money goes."""
    whole = breakdown_of(PRICE)
    for number in (1, 2):
        book.request(refund(number, amount_breakdown(whole, 100, "eur")), AT)
    pay_by_bank(book, "du", ["", "pi"], 150, AT)
    owe_again(book, "du", "du:returned:50", ["", "pi"], 50, AT)
    assert [(one.due_minor, one.by_bank_minor) for one in book.refunds.values()] == [(0, 100), (50, 0), (50, 0)]


def test_what_a_bank_gives_back_leaves_an_attempt_alone(book: Refunds) -> None:
    """An attempt of the rest is under way at Stripe: it keeps its key and its amount."""
    book.request(refund(1, amount_breakdown(breakdown_of(PRICE), 100, "eur")), AT)
    pay_by_bank(book, "du", [""], 75, AT)
    book.pend("rf1", "re", AT)
    owe_again(book, "du", "du:returned:18", ["", "pi"], 18, AT)
    kept = book.get("rf1")
    assert (kept.state, kept.turn, kept.due_minor, kept.stripe_refund_id) == ("pending", 1, 25, "re")
    assert [one.due_minor for one in book.refunds.values()] == [25, 18]


def test_a_bank_pays_what_is_owed_and_no_excess(book: Refunds) -> None:
    """The part that a person gave back beyond what was owed is nobody's, and the next refund is paid instead."""
    book.request(refund(1, amount_breakdown(book.left(), 40, "eur")).model_copy(update={"excess_minor": 60}), AT)
    book.request(refund(2, amount_breakdown(book.left(), 30, "eur")), AT)
    assert pay_by_bank(book, "du", [""], 70, AT) == 70
    assert [(one.by_bank_minor, one.state) for one in book.refunds.values()] == [(40, "requested"), (30, "succeeded")]
    book.pend("rf1", "re", AT)
    book.fail("rf1", "re", "expired_or_canceled_card", AT)
    assert (book.return_excess("rf1", AT), book.get("rf1").due_minor, book.get("rf1").state) == (60, 0, "succeeded")
