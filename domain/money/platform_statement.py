"""Statement of the platform's own accounts over a period: what it earns, what it loses, what goes to its bank."""

from collections.abc import Mapping

from domain.money.books import DISPUTE_LOSSES, PLATFORM_BANK, PLATFORM_FEES, PROCESSING_FEES, REFUND_LOSSES
from domain.money.statement import (
    NO_LINKS,
    Leg,
    LegLine,
    Links,
    StatementPage,
    StatementPeriod,
    StatementQuery,
    line_of,
    period_of,
)

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


class PlatformLine(LegLine):
    """One posting on one of the platform's accounts, with the account's balance after it, and what it is about.

    `fees` and `processing_fees` are earned where positive; Stripe's own fees are lines of `processing_fees`, negative.
    Losses are negative. `bank` has payouts to the platform's bank, negative, and top-ups from it. A line without a
    purchase is a movement of the platform's own Stripe balance.
    """

    venue_id: str | None


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
    return {**line_of(PLATFORM_NAMES[leg.account], leg, link), "venue_id": link.venue_id}
