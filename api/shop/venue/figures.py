"""What a venue's pages show: the answers of the API's own routes, arranged for plots and tables."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from api.ports import Dependencies
from api.routes.checkins import DoorCounts, count_check_ins
from api.routes.counter import TillAnswer, read_till
from api.routes.show_sales import SalesAnswer, read_show_sales
from api.routes.shows import ShowAnswer
from api.routes.venues import BalanceAnswer, VenueBalance, read_balance
from api.shop.venue.plots import Bar, SalesPlot, bar, label_of, sales_plot, unit_for
from domain.money.statement import Statement, StatementQuery, StatementSum
from domain.views.catalog import StockedTicketType

MONTHS_MAX = 24
PLACES = (
    ("pending", "With the platform", "pending_minor"),
    ("transferred", "In your Stripe account", "available_minor"),
    ("reserved", "Held for disputes", "reserved_minor"),
    ("paid", "Paid out, or in cash", "paid_out_minor"),
)
ACCOUNTS = dict(zip(("pending", "available", "reserved", "paid_out"), (label for _, label, _ in PLACES), strict=True))


class Money(NamedTuple):
    """A venue's money in one currency, by place; `till_minor` is the cash that its till should hold."""

    currency: str
    bar: Bar
    till_minor: int


class Month(NamedTuple):
    """A month on a venue's clocks: its name in an address, and as people read it."""

    key: str
    name: str
    since: datetime
    until: datetime


class MonthSums(NamedTuple):
    """An account in a month: what it had before, what changed, and what it had after, in minor units."""

    account: str
    currency: str
    opening_minor: int
    change_minor: int
    closing_minor: int


class Door(NamedTuple):
    """The people who are in: a bar for each gate, divided by ticket types; and the refused scans by reason."""

    entered: int
    gates: list[Bar]
    refused: dict[str, int]


class ShowFigures(NamedTuple):
    """The figures of one show."""

    sales: SalesAnswer
    plot: SalesPlot
    rows: list[tuple[str, dict[str, Any]]]
    stock: list[Bar]
    tokens: Bar
    door: Door


async def money_of(venue_id: str, deps: Dependencies) -> list[Money]:
    """Return a venue's money in its places, a row for each currency."""
    balance: BalanceAnswer = await read_balance(venue_id, deps)
    till: TillAnswer = await read_till(venue_id, deps)
    cash = {one["currency"]: one["cash_minor"] for one in till["balances"]}
    return [Money(one["currency"], _places(one), cash.get(one["currency"], 0)) for one in balance["balances"]]


def _places(balance: VenueBalance) -> Bar:
    figures: Any = balance
    return bar(balance["currency"], [(kind, label, figures[field]) for kind, label, field in PLACES])


def months_of(since: datetime, now: datetime, zone: str) -> list[Month]:
    """Return the months of a time zone (IANA's name; empty is UTC) from a moment on, the present one first.

    The older ones are left out.
    """
    month = _month_at(now.astimezone(ZoneInfo(zone or "UTC")))
    found: list[Month] = []
    while month.until > since and len(found) < MONTHS_MAX:
        found.append(month)
        month = _month_at(month.since - timedelta(days=1))
    return found


def _month_at(moment: datetime) -> Month:
    since = datetime(moment.year, moment.month, 1, tzinfo=moment.tzinfo)
    until = datetime(since.year + since.month // 12, since.month % 12 + 1, 1, tzinfo=moment.tzinfo)
    return Month(f"{since:%Y-%m}", f"{since:%B %Y}", since, until)


async def sums_of(venue_id: str, month: Month, deps: Dependencies) -> list[MonthSums]:
    """Return a venue's accounts in a month."""
    query = StatementQuery(month.since.astimezone(UTC), month.until.astimezone(UTC), limit=1)
    found: Statement = await deps.queries.statement(venue_id, query)
    before = {_name(one): one["balance_minor"] for one in found["opening"]}
    after = {_name(one): one["balance_minor"] for one in found["closing"]}
    return [
        MonthSums(ACCOUNTS[account], currency, first, last - first, last)
        for currency in sorted({currency for _, currency in before.keys() | after.keys()})
        for account in ACCOUNTS
        if (account, currency) in before.keys() | after.keys()
        for first, last in [(before.get((account, currency), 0), after.get((account, currency), 0))]
    ]


def _name(one: StatementSum) -> tuple[str, str]:
    return one["account"], one["currency"]


async def figures_of(show: ShowAnswer, deps: Dependencies) -> ShowFigures:
    """Return the figures of a show."""
    show_id, zone = show["show_id"], show["time_zone"]
    sales = await read_show_sales(show_id, deps, "day")
    unit = unit_for(sales["sales"])
    if unit == "hour":
        sales = await read_show_sales(show_id, deps, unit)
    tokens = sales["tokens"]
    return ShowFigures(
        sales=sales,
        plot=sales_plot(sales["sales"], unit, zone),
        rows=[
            (label_of(datetime.fromisoformat(one["at"]), unit, ZoneInfo(zone or "UTC")), {**one})
            for one in sales["sales"]
        ],
        stock=[stock_of(item) for item in show["ticket_types"]],
        tokens=bar(
            "Tokens",
            [
                ("minted", "Token on chain", tokens["minted"]),
                ("leaves", "In the show's tree", tokens["leaves"]),
                ("owed", "Token to come", tokens["owed"]),
            ],
        ),
        door=_door(show, await count_check_ins(show_id, deps)),
    )


def stock_of(item: StockedTicketType) -> Bar:
    """Return the stock of a ticket type."""
    return bar(
        item["name"],
        [
            ("sold", "Sold", item["sold"]),
            ("held", "Held", item["held"]),
            ("available", "Available", item["available"]),
        ],
    )


def _door(show: ShowAnswer, counts: DoorCounts) -> Door:
    names = {item["ticket_type_id"]: item["name"] for item in show["ticket_types"]}
    kinds = {type_id: f"type-{number % 4}" for number, type_id in enumerate(names)}
    gates = Counter[str]()
    for entry in counts["entries"]:
        gates[entry["gate"]] += entry["count"]
    most = max(gates.values(), default=0)
    bars = [
        bar(
            gate or "No gate",
            [(kinds[type_id], name, _entered(counts, gate, type_id)) for type_id, name in names.items()],
            most,
        )
        for gate in sorted(gates)
    ]
    refused = Counter[str]()
    for scan in counts["refused"]:
        refused[scan["reason"]] += scan["count"]
    return Door(counts["entered"], bars, dict(refused))


def _entered(counts: DoorCounts, gate: str, type_id: str) -> int:
    found = (one for one in counts["entries"] if (one["gate"], one["ticket_type_id"]) == (gate, type_id))
    return sum(one["count"] for one in found)
