"""The reasons why a workflow needs an operator: a closed list, each with its meaning and the acts that end it."""

from enum import StrEnum
from typing import Any, NamedTuple

from activities.core.acts import (
    BEAR_EXCESS,
    EXTEND_HOLD,
    FORCE_MINT,
    GIVE_UP,
    PAY_BY_HAND,
    REFUND,
    RESOLVE_CASE,
    RETRY_NOW,
    ActKind,
)


class Reason(StrEnum):
    """Why a workflow needs an operator; shown in Temporal's web UI and by the query `operator_status`."""

    OUTAGE = "outage"
    BUG = "bug"
    REFUSED = "refused"
    SLOW_BANK = "slow-bank"
    REFUND_PENDING = "refund-pending"
    REFUND_UNCOVERED = "refund-uncovered"
    REFUND_FAILED = "refund-failed"
    REFUND_EXCESS = "refund-excess"
    ACCOUNT_GONE = "account-gone"
    SET_ASIDE = "set-aside"
    ENDPOINT_FAILING = "endpoint-failing"


class Advice(NamedTuple):
    """What a reason means, what happens by itself, and the acts that end the wait where the workflow takes them."""

    meaning: str
    by_itself: str
    acts: tuple[ActKind[Any], ...]


ADVICE: dict[Reason, Advice] = {
    Reason.OUTAGE: Advice(
        "A system outside fails or does not answer; the text names step and cause.",
        "It is tried again by itself; it ends when that system answers.",
        (RETRY_NOW, GIVE_UP, REFUND),
    ),
    Reason.BUG: Advice(
        "A step failed by a bug of ours; the stack trace is in the worker's log.",
        "It is tried again by itself; it ends when a build with the fix is rolled out.",
        (RETRY_NOW, GIVE_UP, REFUND),
    ),
    Reason.REFUSED: Advice(
        "A rule, Stripe or the chain refuses a step that must succeed; another try alone is unlikely to help.",
        "It is tried again by itself, slowly; it ends when the cause is fixed.",
        (RETRY_NOW, GIVE_UP, RESOLVE_CASE, FORCE_MINT, REFUND),
    ),
    Reason.SLOW_BANK: Advice(
        "A bank still processes the payment after the time that the show gives it; the seats stay held.",
        "It ends when the bank decides: money that comes buys the seats.",
        (RETRY_NOW, EXTEND_HOLD, GIVE_UP),
    ),
    Reason.REFUND_PENDING: Advice(
        "Stripe has had the refund for longer than a day, and the bank has not confirmed it.",
        "It ends when the bank confirms or refuses it; a refused one is refund-failed.",
        (RETRY_NOW,),
    ),
    Reason.REFUND_UNCOVERED: Advice(
        "Our balance at Stripe does not cover the refund: top it up.",
        "It is tried again by itself every few minutes.",
        (RETRY_NOW, PAY_BY_HAND),
    ),
    Reason.REFUND_FAILED: Advice(
        "Stripe or the bank refused the refund, and the buyer is still owed.",
        "It is not tried again by itself; a refund of it in Stripe's dashboard is found within an hour.",
        (RETRY_NOW, PAY_BY_HAND),
    ),
    Reason.REFUND_EXCESS: Advice(
        "A refund in Stripe's dashboard gave back more than the buyer was still owed; the books lack it.",
        "It ends by itself only if that refund fails at the bank.",
        (RETRY_NOW, BEAR_EXCESS),
    ),
    Reason.ACCOUNT_GONE: Advice(
        "Stripe no longer lets us into the venue's account; this workflow has ended.",
        "The next onboarding of the venue makes another account.",
        (),
    ),
    Reason.SET_ASIDE: Advice(
        "Some subjects of a round fail; the others went on. The text has the last one and its cause.",
        "A later round tries them again by itself, within a day.",
        (RETRY_NOW,),
    ),
    Reason.ENDPOINT_FAILING: Advice(
        "A webhook endpoint has taken nothing for three days and is switched off; its events wait.",
        "It stays off until its tenant or an operator switches it on (retry_now does), or leaves it off (give_up).",
        (RETRY_NOW, GIVE_UP),
    ),
}
