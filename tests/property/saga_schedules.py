"""Random schedules of one purchase: faults by activity call, and actions of people meanwhile.

Everything is tied to activity calls and not to the clock, so that a printed schedule can be replayed.
"""

import sys
from typing import Literal

from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from activities.core.task_queues import PURCHASES
from activities.registry import declared_activities
from cli.checks.audit.steps import steps_of
from tests.fakes.payment_gateway import Verb
from workflows.core.acts import acts_of
from workflows.payment_case import PaymentCaseWorkflow
from workflows.purchase import PurchaseWorkflow
from workflows.refund import RefundWorkflow

Fault = Literal["ok", "before", "lost", "refused", "twice", "late", "bug", "outage"]
What = Literal[
    "pay", "decline", "pay slowly", "buyer cancels", "operator cancels", "post again", "post another"
]  # fmt: skip
Told = Literal["told", "lost", "twice", "late"]
Trouble = Literal["before", "after"]
Chain = Literal["dropped", "expired", "send before", "send after", "sign after", "read before", "fate before"]

DECLARED = declared_activities()
ELSEWHERE = {"decide_order": "a cancelled show decides its orders, and no show is cancelled here"}
NO_ACTS = {"PaymentCaseWorkflow.bear_excess": "no person refunds in the dashboard here, but in money_events.py"}
NOT_PLAYED = {
    "CapacityWorkflow": "a show has the same seats all along",
    "ClaimWorkflow": "no buyer has a wallet",
    "DeliveryWorkflow": "no webhook endpoint listens",
    "DisputeWorkflow": "no bank takes money back, but in money_events.py",
    "HoldWorkflow": "it is the ticket API's, without a purchase",
    "LetterWorkflow": "no letter is due",
    "OnboardingWorkflow": "the venue has no account, but in money_events.py",
    "PayoutWorkflow": "the venue has no account, but in money_events.py",
    "PinningWorkflow": "no metadata is pinned",
    "RootsWorkflow": "roots come at intervals, and no purchase waits for one",
    "ShowCancellationWorkflow": "no show is cancelled, but in money_events.py",
    "ShowWorkflow": "the show is registered before",
    "TransfersWorkflow": "the venue has no account, but in money_events.py",
    "VenueWorkflow": "the venue is registered before",
}


def steps_by(kind: type) -> tuple[str, ...]:
    """Return the activities that a workflow or a base of it calls, in the order of the source."""
    bases = [base for base in kind.__mro__ if base.__module__.startswith("workflows.")]
    found = [(base, step) for base in bases for step in steps_of(sys.modules[base.__module__], DECLARED)]
    names = dict.fromkeys(step.activity for base, step in found if step.workflow == base.__name__)
    return tuple(name for name in names if name not in ELSEWHERE)


PLAYED = (PurchaseWorkflow, PaymentCaseWorkflow, RefundWorkflow)
STEPS_OF = {kind.__name__: steps_by(kind) for kind in PLAYED}
OF_PURCHASE = STEPS_OF[PurchaseWorkflow.__name__]
STEPS = tuple(dict.fromkeys(name for steps in STEPS_OF.values() for name in steps))
# By workflow, the acts that it takes.
ACTS_OF = {kind.__name__: tuple(sorted(acts_of(kind))) for kind in PLAYED}
OUTSIDE = frozenset(one.name for one in DECLARED if one.queues[0] != PURCHASES)
VERBS: tuple[Verb, ...] = ("create_intent", "find_intent", "retrieve_intent", "capture_intent", "cancel_intent",
                           "refund_intent")  # fmt: skip
CALLS_MAX = 3
# The effect of a refused call may have happened before, or happens later.
TREACHEROUS: tuple[tuple[Fault, ...], ...] = (("late", "refused"), ("lost", "refused"), ("refused",), ("late",))


class Act(BaseModel):
    """An action of a person at the n-th call of an activity, and the fate of its webhook or signal."""

    model_config = ConfigDict(frozen=True)

    what: What
    at: str
    call: int = 1
    when: Trouble = "after"
    news: Told = "told"


class Operate(BaseModel):
    """An act of an operator on a workflow, at the n-th call of an activity of it."""

    model_config = ConfigDict(frozen=True)

    on: str
    act: str
    at: str
    call: int = 1
    when: Trouble = "before"


class Schedule(BaseModel):
    """A schedule of one purchase.

    `faults`: by activity, the faults of its first calls; `stripe` and `chain`: faults within an activity;
    `search_lags`: a search by metadata finds nothing at Stripe; `store`: the commits whose connection is refused or
    whose answer is lost; `slow`: the poll at which a slow payment is decided, and whether it succeeds; `runs_again`:
    the purchase is run again after its end, as if its workflow had been lost; `on_claim`: its tickets become leaves;
    `given_back`: a sale is refunded, `resells`: its seats are sold again. `uncovered`: Stripe refuses so many refunds,
    as our balance does not cover them.
    """

    model_config = ConfigDict(frozen=True)

    capture_method: Literal["manual", "automatic"] = "manual"
    price_minor: int = 1000
    quantity: int = 2
    hold_seconds: int = 600
    faults: dict[str, tuple[Fault, ...]] = {}
    stripe: tuple[tuple[Verb, Trouble], ...] = ()
    chain: tuple[Chain, ...] = ()
    search_lags: bool = False
    store: dict[int, Trouble] = {}
    acts: tuple[Act, ...] = ()
    slow: tuple[int, bool] = (1, True)
    runs_again: bool = False
    on_claim: bool = False
    given_back: bool = False
    resells: bool = False
    operated: tuple[Operate, ...] = ()
    uncovered: int = 0


def _faults(name: str) -> st.SearchStrategy[tuple[Fault, ...]]:
    kinds: list[Fault] = ["ok", "before", "lost", "refused", "twice", "late", "bug"]
    if name in OUTSIDE:
        kinds.append("outage")  # a local activity waits five real seconds for one: covered by the matrix
    drawn = st.lists(st.sampled_from(kinds), max_size=CALLS_MAX).map(tuple)
    return st.one_of(st.sampled_from(TREACHEROUS), drawn)


BUYER: tuple[What, ...] = ("pay", "pay", "decline", "pay slowly", "buyer cancels")
OTHERS: tuple[What, ...] = ("operator cancels", "post again", "post another")
NEWS = st.sampled_from(["told", "lost", "twice", "late"])
WHEN = st.sampled_from(["after", "before"])
WAIT = st.sampled_from(["create_intent", "look_at_intent", "look_at_intent", "cancel_payment"])
ACTS = st.lists(
    st.one_of(
        st.builds(Act, what=st.sampled_from(BUYER), at=WAIT, call=st.integers(1, 3), when=WHEN, news=NEWS),
        st.builds(
            Act, what=st.sampled_from(OTHERS), at=st.sampled_from(OF_PURCHASE), call=st.integers(1, 2), when=WHEN
        ),
    ),
    max_size=4,
)
PAID = st.just(Act(what="pay", at="create_intent"))
OPERATED = st.lists(
    st.one_of(
        *(
            st.builds(
                Operate,
                on=st.just(kind),
                act=st.sampled_from([act for act in acts if f"{kind}.{act}" not in NO_ACTS]),
                at=st.sampled_from(STEPS_OF[kind]),
                call=st.integers(1, 3),
                when=WHEN,
            )
            for kind, acts in ACTS_OF.items()
        )
    ),
    max_size=2,
)
DRAWN = st.builds(
    Schedule,
    capture_method=st.sampled_from(["manual", "automatic"]),
    price_minor=st.sampled_from([1000, 1000, 1000, 0]),
    quantity=st.sampled_from([1, 2, 3, 11]),
    hold_seconds=st.sampled_from([600, 60]),
    faults=st.fixed_dictionaries({}, optional={name: _faults(name) for name in STEPS}),
    stripe=st.lists(st.tuples(st.sampled_from(VERBS), WHEN), max_size=3).map(tuple),
    chain=st.lists(
        st.sampled_from(
            ["dropped", "expired", "send before", "send after", "sign after", "read before", "fate before"]
        ),
        max_size=3,
    ).map(tuple),
    search_lags=st.booleans(),
    store=st.dictionaries(st.integers(1, 20), WHEN, max_size=3),
    acts=st.one_of(ACTS.map(tuple), st.builds(lambda pay, others: (pay, *others), PAID, ACTS)),
    slow=st.tuples(st.integers(1, 6), st.booleans()),
    runs_again=st.booleans(),
    on_claim=st.booleans(),
    given_back=st.booleans(),
    resells=st.booleans(),
    operated=OPERATED.map(tuple),
    uncovered=st.sampled_from([0, 0, 1, 2]),
)
