"""Statement of the platform's own accounts over a period: what it earns, what it loses, what goes to its bank."""

from collections.abc import Mapping

from typing_extensions import TypedDict

from domain.core.timestamp import Timestamp
from domain.money.books import DISPUTE_LOSSES, PLATFORM_BANK, PLATFORM_FEES, PROCESSING_FEES, REFUND_LOSSES
from domain.money.currency import shown
from domain.money.money import Tender
from domain.money.statement import NO_LINKS, Leg, Links, StatementPage, StatementPeriod, StatementQuery, period_of

# The platform's accounts, by the names that its statement gives them.
PLATFORM_NAMES: Mapping[str, str] = {
    PLATFORM_FEES: "fees",
    PROCESSING_FEES: "processing_fees",
    DISPUTE_LOSSES: "dispute_losses",
    REFUND_LOSSES: "refund_losses",
    PLATFORM_BANK: "bank",
}
PLATFORM_COLUMNS = (
    "at", "kind", "account", "amount_minor", "balance_minor", "currency", "amount", "balance", "venue_id", "show_id",
    "order_ref", "tickets", "tender", "purchase_id", "charge_id", "key", "position",
)  # fmt: skip


class PlatformLine(TypedDict):
    """One posting on one of the platform's accounts, with the account's balance after it, and what it is about.

    `fees` and `processing_fees` are earned where positive; Stripe's own fees are lines of `processing_fees`, negative.
    Losses are negative. `bank` has payouts to the platform's bank, negative, and top-ups from it. A line without a
    purchase is a movement of the platform's own Stripe balance.
    """

    at: Timestamp
    kind: str
    account: str
    amount_minor: int
    balance_minor: int
    currency: str
    amount: str
    balance: str
    venue_id: str | None
    show_id: str | None
    order_ref: str | None
    tickets: str
    tender: Tender | None
    purchase_id: str | None
    charge_id: str | None
    key: str
    position: int


class PlatformStatement(StatementPeriod):
    """A page of the lines of the platform's accounts in [from, to), and the balances before and after the period.

    `next` is the cursor of the next page, null on the last one.
    """

    lines: list[PlatformLine]


def platform_statement_of(query: StatementQuery, page: StatementPage) -> PlatformStatement:
    """Return a page of the platform's statement."""
    lines = [_line(leg, page.links.get(leg.purchase_id, NO_LINKS)) for leg in page.legs]
    return {**period_of(PLATFORM_NAMES, query, page), "lines": lines}


def _line(leg: Leg, link: Links) -> PlatformLine:
    return {
        "at": leg.at.isoformat(),
        "kind": leg.kind,
        "account": PLATFORM_NAMES[leg.account],
        "amount_minor": leg.amount,
        "balance_minor": leg.balance,
        "currency": leg.unit,
        "amount": shown(leg.amount, leg.unit),
        "balance": shown(leg.balance, leg.unit),
        "venue_id": link.venue_id,
        "show_id": link.show_id,
        "order_ref": link.order_ref,
        "tickets": link.tickets,
        "tender": link.tender,
        "purchase_id": leg.purchase_id or None,
        "charge_id": link.charge_id,
        "key": leg.key,
        "position": leg.position,
    }
