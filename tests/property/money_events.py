"""Strategies of money events; each names its subject by a number, taken modulo the count of subjects."""

from typing import Literal, NamedTuple

from hypothesis import strategies as st

from tests.property.money_model import Terms

How = Literal["once", "twice", "our answer lost", "Stripe's answer lost"]


class Sell(NamedTuple):
    """A purchase, with the discount code or without it."""

    venue: int
    full: int
    half: int
    free: int
    tender: Literal["card", "cash"]
    code: bool


class UnusedPayment(NamedTuple):
    """A payment after its purchase ended, or a second one of a sold order: owed in full, and then tried to be paid."""

    venue: int
    is_second: bool
    went: Literal["owed", "succeeded", "uncovered, then succeeded", "came back", "by hand"]


class Settle(NamedTuple):
    """A sale is posted and fulfilled."""

    sale: int
    how: How


class Deliver(NamedTuple):
    """A ticket is minted, or is found void."""

    sale: int
    ticket: int
    how: How


class AskRefund(NamedTuple):
    """A refund is requested."""

    sale: int
    what: Literal["whole", "ticket", "amount"]
    amount: int
    fees: Literal["platform", "venue", "buyer"]


class Pay(NamedTuple):
    """A refund is posted and paid at Stripe, starting in state `begins`; or its webhook arrives."""

    refund: int
    begins: Literal["succeeded", "pending", "uncovered"]
    how: How


class PayByHand(NamedTuple):
    """An operator records that a failed refund was paid outside Stripe."""

    refund: int
    how: How


class EndRefund(NamedTuple):
    """A refund succeeds or fails at the bank; it may fail after a success."""

    refund: int
    succeed: bool


class DashboardRefund(NamedTuple):
    """A refund made in Stripe's dashboard; an operator lets the platform bear what exceeds the rest of the sale."""

    sale: int
    part: Literal["of what is left", "of the charge", "all of the charge"]
    amount: int
    begins: Literal["succeeded", "pending"]


class DashboardStray(NamedTuple):
    """A payment that bought nothing is refunded in the dashboard, although it was paid back by hand before."""

    stray: int
    went: Literal["succeeded", "failed", "failed after success"]


class Dispute(NamedTuple):
    """The buyer's bank withdraws money, or only inquires."""

    sale: int
    part: Literal["all", "rest", "half"]
    withdrawn: bool


class DisputeStray(NamedTuple):
    """A bank withdraws a payment that bought nothing, although the buyer has had it back."""

    stray: int
    half: bool


class DecideDispute(NamedTuple):
    """A dispute advances: an inquiry becomes a dispute, an open dispute is won or lost."""

    dispute: int
    won: bool
    fee_back: bool


class ReturnDispute(NamedTuple):
    """Stripe returns a part of a dispute that was lost."""

    dispute: int
    parts: int


class LookAtDispute(NamedTuple):
    """A dispute's webhook arrives."""

    dispute: int
    how: How


class SendShare(NamedTuple):
    """A venue's share is due for transfer; Stripe may refuse it."""

    sale: int
    refused: bool
    how: How


class ReverseShare(NamedTuple):
    """The part of a transferred share that a refund needs is reversed, as far as the account covers it."""

    refund: int
    how: How


class PayOut(NamedTuple):
    """Stripe pays a part of a venue's balance out to its bank."""

    venue: int
    parts: int


class EndPayout(NamedTuple):
    """A payout arrives at the bank, or fails."""

    payout: int
    arrives: bool


class FollowPayout(NamedTuple):
    """A payout's webhook arrives."""

    payout: int
    how: How


class MoveOwn(NamedTuple):
    """Our own balance is paid out to our bank, a payout comes back, or our bank tops it up."""

    venue: int
    kind: Literal["payout", "payout_failure", "topup", "stripe_fee"]
    amount: int
    twice: bool


class Vanish(NamedTuple):
    """A venue's account is out of reach, or in reach again."""

    venue: int
    gone: bool


class CallOffShow(NamedTuple):
    """A show is cancelled: every order of it is decided."""

    venue: int
    fees: Literal["platform", "venue", "buyer"]


Event = (
    Sell | UnusedPayment | Settle | Deliver | AskRefund | Pay | PayByHand | EndRefund | DashboardRefund
    | DashboardStray | Dispute | DisputeStray | DecideDispute | ReturnDispute | LookAtDispute | MoveOwn | Vanish
    | SendShare | ReverseShare | PayOut | EndPayout | FollowPayout | CallOffShow
)  # fmt: skip

WHICH = st.integers(0, 5)
TWO = st.integers(0, 1)
HOW = st.sampled_from(["once", "once", "twice", "our answer lost", "Stripe's answer lost"])
FEES = st.sampled_from(["platform", "venue", "buyer"])
AMOUNT = st.integers(1, 2500)
YES = st.booleans()
SELL = st.builds(
    Sell, TWO, st.integers(1, 3), st.integers(0, 2), TWO, st.sampled_from(["card", "card", "card", "cash"]), YES
)
FREE = st.builds(Sell, TWO, st.just(0), st.just(0), st.integers(1, 2), st.just("card"), st.just(value=False))
REFUND = st.builds(AskRefund, WHICH, st.sampled_from(["whole", "ticket", "amount"]), AMOUNT, FEES)
BEGINS = st.sampled_from(["succeeded", "succeeded", "pending", "uncovered"])
WENT = st.sampled_from(["owed", "succeeded", "uncovered, then succeeded", "came back", "by hand"])
PART = st.sampled_from(["of what is left", "of the charge", "all of the charge"])
REFUNDED = st.sampled_from(["succeeded", "failed", "failed after success"])
PAY = st.builds(Pay, WHICH, BEGINS, HOW)
SETTLE = st.builds(Settle, WHICH, HOW)
SEND = st.builds(SendShare, WHICH, YES, HOW)
EACH: tuple[st.SearchStrategy[Event], ...] = (
    SELL,
    FREE,
    st.builds(UnusedPayment, TWO, YES, WENT),
    SETTLE,
    st.builds(Deliver, WHICH, WHICH, HOW),
    REFUND,
    REFUND,
    PAY,
    PAY,
    st.builds(EndRefund, WHICH, YES),
    st.builds(PayByHand, WHICH, HOW),
    st.builds(DashboardRefund, WHICH, PART, AMOUNT, st.sampled_from(["succeeded", "pending"])),
    st.builds(DashboardStray, WHICH, REFUNDED),
    st.builds(Dispute, WHICH, st.sampled_from(["all", "rest", "half"]), YES),
    st.builds(DisputeStray, WHICH, YES),
    st.builds(ReturnDispute, WHICH, st.integers(1, 4)),
    st.builds(MoveOwn, TWO, st.sampled_from(["payout", "payout_failure", "topup", "stripe_fee"]), AMOUNT, YES),
    st.builds(Vanish, TWO, YES),
    st.builds(DecideDispute, WHICH, YES, YES),
    st.builds(LookAtDispute, WHICH, HOW),
    SEND,
    st.builds(ReverseShare, WHICH, HOW),
    st.builds(PayOut, TWO, st.integers(1, 4)),
    st.builds(EndPayout, WHICH, YES),
    st.builds(FollowPayout, WHICH, HOW),
)
LAST = st.just(-1)
PAID = (st.builds(Settle, LAST, HOW), st.builds(SendShare, LAST, st.just(value=False), HOW))
CARD = st.builds(Sell, TWO, st.integers(1, 3), TWO, TWO, st.just("card"), YES)
CASH = st.builds(Sell, TWO, st.integers(1, 3), TWO, TWO, st.just("cash"), YES)
BACK = (
    st.builds(AskRefund, LAST, st.sampled_from(["whole", "ticket", "amount"]), AMOUNT, FEES),
    st.builds(Pay, LAST, BEGINS, HOW),
)
BY_HAND = (
    BACK[0],
    st.builds(Pay, LAST, st.just("uncovered"), HOW),
    st.builds(PayByHand, LAST, HOW),
)
BEYOND = st.builds(DashboardRefund, LAST, PART, AMOUNT, st.sampled_from(["succeeded", "pending"]))
TAKEN = st.builds(Dispute, LAST, st.just("half"), st.just(value=True))
STORIES = (
    (CARD, PAID[0]),
    (CASH, PAID[0]),
    (CASH, PAID[0], CARD, *PAID),
    (CASH, PAID[0], *BACK),
    (
        CASH,
        PAID[0],
        CARD,
        *PAID,
        st.builds(AskRefund, st.just(-2), st.just("whole"), AMOUNT, FEES),
        BACK[1],
        CARD,
        *PAID,
    ),
    (CARD, *PAID),
    (CARD, *PAID, st.builds(PayOut, TWO, st.integers(1, 4))),
    (CARD, PAID[0], REFUND, st.builds(Pay, LAST, st.just("succeeded"), HOW)),
    (CARD, PAID[0], *BY_HAND, BEYOND, st.builds(Pay, LAST, BEGINS, HOW)),
    (CARD, PAID[0], *BACK, BACK[0], BEYOND, st.builds(Pay, LAST, BEGINS, HOW)),
    (
        CARD,
        PAID[0],
        *BY_HAND,
        BEYOND,
        st.builds(EndRefund, LAST, st.just(value=False)),
        st.builds(Pay, LAST, BEGINS, HOW),
    ),
    (
        CARD,
        PAID[0],
        TAKEN,
        st.builds(LookAtDispute, LAST, HOW),
        st.builds(DecideDispute, LAST, st.just(value=True), YES),
        st.builds(LookAtDispute, LAST, HOW),
        BEYOND,
        st.builds(Pay, LAST, BEGINS, HOW),
    ),
    (
        st.builds(UnusedPayment, TWO, YES, st.just("by hand")),
        st.builds(DashboardStray, LAST, REFUNDED),
    ),
    (CARD, PAID[0], st.builds(Dispute, LAST, st.just("all"), st.just(value=True)), st.builds(LookAtDispute, LAST, HOW)),
    (
        CARD,
        PAID[0],
        TAKEN,
        st.builds(DecideDispute, LAST, st.just(value=False), YES),
        st.builds(LookAtDispute, LAST, HOW),
        *BACK,
        st.builds(PayByHand, LAST, HOW),
    ),
    (CARD, PAID[0], BACK[0], TAKEN, BACK[1], st.builds(DecideDispute, LAST, YES, YES), BACK[1]),
    (
        CARD,
        PAID[0],
        BACK[0],
        st.builds(Pay, LAST, st.just("pending"), HOW),
        st.builds(Dispute, LAST, st.just("all"), st.just(value=True)),
        st.builds(LookAtDispute, LAST, HOW),
        st.builds(DecideDispute, LAST, st.just(value=False), YES),
        st.builds(LookAtDispute, LAST, HOW),
        st.builds(ReturnDispute, LAST, st.integers(1, 4)),
        st.builds(LookAtDispute, LAST, HOW),
        st.builds(Pay, LAST, BEGINS, HOW),
    ),
    (
        CARD,
        PAID[0],
        st.builds(UnusedPayment, TWO, st.just(value=True)),
        st.builds(DisputeStray, LAST, YES),
        st.builds(LookAtDispute, LAST, HOW),
        st.builds(DecideDispute, LAST, YES, YES),
        st.builds(LookAtDispute, LAST, HOW),
    ),
    (st.builds(AskRefund, LAST, st.just("whole"), AMOUNT, FEES), st.builds(ReverseShare, LAST, HOW), *PAID),
    (st.builds(Pay, LAST, st.just("pending"), HOW), st.builds(EndRefund, LAST, YES), st.builds(Pay, LAST, BEGINS, HOW)),
    (st.builds(EndRefund, LAST, st.just(value=False)), st.builds(Pay, LAST, BEGINS, HOW)),
    (
        st.builds(EndRefund, LAST, st.just(value=False)),
        st.builds(Pay, LAST, BEGINS, HOW),
        st.builds(PayByHand, LAST, HOW),
    ),
    (st.builds(DecideDispute, LAST, YES, YES), st.builds(LookAtDispute, LAST, HOW)),
    (st.builds(EndPayout, LAST, st.just(value=True)), st.builds(FollowPayout, LAST, HOW)),
    (st.builds(EndPayout, LAST, st.just(value=False)), st.builds(FollowPayout, LAST, HOW)),
)
CALL_OFF = st.builds(CallOffShow, TWO, FEES)
SINGLE = st.lists(st.one_of(*EACH), max_size=8)
STORY = st.one_of(*(st.tuples(*story) for story in STORIES))


@st.composite
def days(draw: st.DrawFn) -> list[Event]:
    """Draw any few events, or a story; `one_of` would take each story as often as all single events."""
    return list(draw(SINGLE if draw(st.integers(0, 2)) == 0 else STORY))


DAY = days()
DAYS, EVENTS_MAX = 10, 50
# A show is cancelled in a few lives only, and late: no ticket of it is sold afterwards.
LIVES = st.tuples(
    st.tuples(*[st.one_of(*(st.tuples(*story).map(list) for story in STORIES[:5]))] * 2),
    st.tuples(*[DAY] * DAYS),
    st.lists(CALL_OFF, max_size=1),
    st.tuples(DAY, DAY),
).map(lambda parts: [event for part in (*parts[0], *parts[1], parts[2], *parts[3]) for event in part][:EVENTS_MAX])
TERMS = st.builds(
    Terms,
    currency=st.sampled_from(["eur", "jpy", "kwd"]),
    unit=st.integers(100, 5000),
    platform_bps=st.integers(0, 2000),
    processing_bps=st.integers(0, 1000),
    fixed=st.sampled_from([0, 30]),
    absorbed=YES,
    tax_bps=st.sampled_from([0, 700, 1900]),
    inclusive=YES,
    off_bps=st.sampled_from([0, 1000, 3333, 10_000]),
)
