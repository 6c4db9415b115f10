"""A day of money at two venues: refunds, disputes of each charge, payouts, cash; Stripe and the books agree."""

from domain.core.aggregate import DomainEvent
from domain.invariants.outside import ExternalState
from tests.property.money_events import (
    AskRefund,
    DashboardRefund,
    DecideDispute,
    Dispute,
    DisputeStray,
    EndPayout,
    Event,
    FollowPayout,
    LookAtDispute,
    MoveOwn,
    Pay,
    PayOut,
    ReturnDispute,
    Sell,
    SendShare,
    Settle,
    UnusedPayment,
)
from tests.property.money_model import Terms
from tests.property.money_town import Town
from tests.property.money_venues import apply_event
from tests.property.stripe_ledger import outside

TERMS = Terms("eur", 1000, 750, 290, 0, absorbed=False, tax_bps=0, inclusive=True, off_bps=0)
BUYER, DASHBOARD, WON, RETURNED, PAID_TWICE, CASH = "pu0", "pu1", "pu2", "pu3", "pu4", "pu5"
ONE_TICKET, TWO_TICKETS, SHARE = 1104, 2208, 2000


def sale(number: int, tender: str = "card") -> list[Event]:
    """Sell two tickets of 10.00 and settle the sale."""
    return [Sell(0, 2, 0, 0, "cash" if tender == "cash" else "card", code=False), Settle(number, "once")]


def dispute(number: int, *, won: bool) -> list[Event]:
    """Follow a dispute until the bank has decided."""
    look = LookAtDispute(number, "once")
    return [look, DecideDispute(number, won=won, fee_back=False), look]


EVENTS: list[Event] = [
    *(event for number in range(5) for event in sale(number)),
    *sale(5, "cash"),
    AskRefund(0, "ticket", 0, "platform"),
    Pay(0, "succeeded", "once"),
    DashboardRefund(1, "of what is left", 500, "succeeded"),
    Pay(1, "succeeded", "once"),
    Dispute(2, "all", withdrawn=True),
    *dispute(0, won=True),
    Dispute(3, "all", withdrawn=True),
    *dispute(1, won=False),
    ReturnDispute(1, 2),
    LookAtDispute(1, "once"),
    UnusedPayment(0, is_second=True, went="succeeded"),
    DisputeStray(0, half=False),
    *dispute(2, won=False),
    UnusedPayment(0, is_second=False, went="succeeded"),
    SendShare(4, refused=False, how="once"),
    PayOut(0, 2),
    EndPayout(0, arrives=True),
    FollowPayout(0, "once"),
    PayOut(0, 2),
    EndPayout(1, arrives=True),
    FollowPayout(1, "once"),
    EndPayout(1, arrives=False),
    FollowPayout(1, "once"),
    MoveOwn(0, "topup", 5000, twice=False),
    MoveOwn(0, "payout", 3000, twice=True),
]


async def money_day() -> tuple[list[DomainEvent], ExternalState]:
    """Return all events of the day, and the state of Stripe at its end."""
    town = Town((TERMS, TERMS))
    await town.open()
    for event in EVENTS:
        await apply_event(town, event)
    return town.store.log, outside(town)
