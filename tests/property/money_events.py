"""The events of money's life, drawn; each names its subject by a number that is taken modulo what there is."""

from typing import Literal, NamedTuple

from hypothesis import strategies as st

from tests.property.money_model import Terms

How = Literal["once", "twice", "our answer lost", "Stripe's answer lost"]


class Sell(NamedTuple):
    """Somebody buys; a code takes the discount off."""

    venue: int
    full: int
    half: int
    free: int
    tender: Literal["card", "cash"]
    code: bool


class LetGo(NamedTuple):
    """A payment that came too late, for a purchase that ended or one that is paid already: all of it goes back."""

    venue: int
    stray: bool


class Settle(NamedTuple):
    """A sale is posted and fulfilled."""

    sale: int
    how: How


class Deliver(NamedTuple):
    """A ticket reaches the chain, or is found void."""

    sale: int
    ticket: int
    how: How


class Ask(NamedTuple):
    """A refund is asked for."""

    sale: int
    what: Literal["whole", "ticket", "amount"]
    amount: int
    fees: Literal["platform", "venue", "buyer"]


class Pay(NamedTuple):
    """A refund is posted and tried at Stripe, which begins so; or news of it come."""

    refund: int
    begins: Literal["succeeded", "pending", "uncovered"]
    how: How


class ByHand(NamedTuple):
    """An operator says that a refund was paid another way."""

    refund: int
    how: How


class BankSays(NamedTuple):
    """A refund ends at the bank; a yes may be followed by a no."""

    refund: int
    succeed: bool


class Dashboard(NamedTuple):
    """Somebody refunds at Stripe's own page."""

    sale: int
    amount: int


class Dispute(NamedTuple):
    """The buyer's bank takes money back, or only inquires."""

    sale: int
    part: Literal["all", "rest", "half"]
    withdrawn: bool


class Decide(NamedTuple):
    """A dispute goes on: an inquiry takes the money, a dispute is decided."""

    dispute: int
    won: bool
    fee_back: bool


class Look(NamedTuple):
    """News of a dispute come."""

    dispute: int
    how: How


class Send(NamedTuple):
    """A venue's share is due; Stripe may say no."""

    sale: int
    refused: bool
    how: How


class TakeBack(NamedTuple):
    """The part of a sent share that a refund needs comes back, as far as the account has it."""

    refund: int
    how: How


class PayOut(NamedTuple):
    """Stripe pays a part of a venue's account out to its bank."""

    venue: int
    parts: int


class PayoutSays(NamedTuple):
    """A payout arrives at the bank, or comes back."""

    payout: int
    arrives: bool


class Follow(NamedTuple):
    """News of a payout come."""

    payout: int
    how: How


class CallOff(NamedTuple):
    """A show does not take place: every order of it is decided."""

    venue: int
    fees: Literal["platform", "venue", "buyer"]


Event = (
    Sell | LetGo | Settle | Deliver | Ask | Pay | ByHand | BankSays | Dashboard | Dispute | Decide | Look | Send
    | TakeBack | PayOut | PayoutSays | Follow | CallOff
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
REFUND = st.builds(Ask, WHICH, st.sampled_from(["whole", "ticket", "amount"]), AMOUNT, FEES)
BEGINS = st.sampled_from(["succeeded", "succeeded", "pending", "uncovered"])
PAY = st.builds(Pay, WHICH, BEGINS, HOW)
SETTLE = st.builds(Settle, WHICH, HOW)
SEND = st.builds(Send, WHICH, YES, HOW)
EACH: tuple[st.SearchStrategy[Event], ...] = (
    SELL,
    FREE,
    st.builds(LetGo, TWO, YES),
    SETTLE,
    st.builds(Deliver, WHICH, WHICH, HOW),
    REFUND,
    REFUND,
    PAY,
    PAY,
    st.builds(BankSays, WHICH, YES),
    st.builds(ByHand, WHICH, HOW),
    st.builds(Dashboard, WHICH, AMOUNT),
    st.builds(Dispute, WHICH, st.sampled_from(["all", "rest", "half"]), YES),
    st.builds(Decide, WHICH, YES, YES),
    st.builds(Look, WHICH, HOW),
    SEND,
    st.builds(TakeBack, WHICH, HOW),
    st.builds(PayOut, TWO, st.integers(1, 4)),
    st.builds(PayoutSays, WHICH, YES),
    st.builds(Follow, WHICH, HOW),
)
LAST = st.just(-1)
PAID = (st.builds(Settle, LAST, HOW), st.builds(Send, LAST, st.just(value=False), HOW))
CARD = st.builds(Sell, TWO, st.integers(1, 3), TWO, TWO, st.just("card"), YES)
CASH = st.builds(Sell, TWO, st.integers(1, 3), TWO, TWO, st.just("cash"), YES)
BACK = (
    st.builds(Ask, LAST, st.sampled_from(["whole", "ticket", "amount"]), AMOUNT, FEES),
    st.builds(Pay, LAST, BEGINS, HOW),
)
TAKEN = st.builds(Dispute, LAST, st.just("half"), st.just(value=True))
STORIES = (
    (CARD, PAID[0]),
    (CASH, PAID[0]),
    (CASH, PAID[0], CARD, *PAID),
    (CASH, PAID[0], *BACK),
    (CASH, PAID[0], CARD, *PAID, st.builds(Ask, st.just(-2), st.just("whole"), AMOUNT, FEES), BACK[1], CARD, *PAID),
    (CARD, *PAID),
    (CARD, *PAID, st.builds(PayOut, TWO, st.integers(1, 4))),
    (CARD, PAID[0], REFUND, st.builds(Pay, LAST, st.just("succeeded"), HOW)),
    (CARD, PAID[0], st.builds(Dispute, LAST, st.just("all"), st.just(value=True)), st.builds(Look, LAST, HOW)),
    (CARD, PAID[0], TAKEN, st.builds(Decide, LAST, st.just(value=False), YES), st.builds(Look, LAST, HOW), *BACK),
    (st.builds(Ask, LAST, st.just("whole"), AMOUNT, FEES), st.builds(TakeBack, LAST, HOW), *PAID),
    (st.builds(Pay, LAST, st.just("pending"), HOW), st.builds(BankSays, LAST, YES), st.builds(Pay, LAST, BEGINS, HOW)),
    (st.builds(BankSays, LAST, st.just(value=False)), st.builds(Pay, LAST, BEGINS, HOW)),
    (st.builds(BankSays, LAST, st.just(value=False)), st.builds(Pay, LAST, BEGINS, HOW), st.builds(ByHand, LAST, HOW)),
    (st.builds(Decide, LAST, YES, YES), st.builds(Look, LAST, HOW)),
    (st.builds(PayoutSays, LAST, st.just(value=True)), st.builds(Follow, LAST, HOW)),
    (st.builds(PayoutSays, LAST, st.just(value=False)), st.builds(Follow, LAST, HOW)),
)
CALL_OFF = st.builds(CallOff, TWO, FEES)
SINGLE = st.lists(st.one_of(*EACH), max_size=8)
DAY = st.one_of(SINGLE, SINGLE, SINGLE, *(st.tuples(*story).map(list) for story in STORIES))
DAYS, EVENTS_MAX = 10, 50
# A show is cancelled in one life of a few, and late: nothing is sold after it.
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
