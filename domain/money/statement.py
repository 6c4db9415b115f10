"""Statement of accounts over a period, page by page, for a bookkeeper: a venue's here, the platform's beside it.

It is computed from postings alone, either from the read models or from the events. The arithmetic happens once, when a
posting is booked: the balance of both accounts after it. So a page needs its own lines and nothing before them.
"""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Self, cast

from typing_extensions import TypedDict

from domain.core.timestamp import Timestamp, iso
from domain.money.books import VENUE_ACCOUNTS, venue_account
from domain.money.currency import shown
from domain.money.money import Tender

LINES_MAX = 1_000
CURSOR_PATTERN = r"^\d{1,18}\.\d{1,9}\.[01]\.\d{1,18}$"
COLUMNS = (
    "at", "kind", "account", "amount_minor", "balance_minor", "currency", "purchase_id", "charge_id",
    "mint_addresses", "key", "position", "show_id", "order_ref", "tickets", "tender", "place", "gross_minor",
    "discount_minor", "fees_minor", "tax_minor", "tax_bps", "netted_minor", "amount", "balance",
)  # fmt: skip


class Entry(NamedTuple):
    """One posting of the books, and its position in them.

    A free order moves no money, so that the books have no posting of it in its currency: its entry has the amount 0,
    no `debit`, and its venue's account as `credit`.
    """

    position: int
    number: int
    key: str
    purchase_id: str
    kind: str
    at: datetime
    debit: str
    credit: str
    amount: int
    unit: str


class LineCursor(NamedTuple):
    """The last line of a page, and the position before which the statement ends, the same for all of its pages."""

    position: int
    number: int
    side: int
    end: int

    @property
    def text(self) -> str:
        """The cursor as a client sends it back."""
        return ".".join(str(part) for part in self)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the cursor of a text that matches `CURSOR_PATTERN`."""
        return cls(*(int(part) for part in text.split(".")))


class Leg(NamedTuple):
    """One side of a posting: a line of the account that it credits (side 0) or debits (side 1, a negative amount)."""

    account: str
    unit: str
    position: int
    number: int
    side: int
    amount: int
    balance: int
    key: str
    purchase_id: str
    kind: str
    at: datetime

    def cursor(self, end: int) -> LineCursor:
        """Return the cursor of the page after this line, in a statement that ends before a position."""
        return LineCursor(self.position, self.number, self.side, end)


class BookedEntry(NamedTuple):
    """A posting with the balance of both its accounts after it, and the time at which the books have it.

    That is the time of its event, or of an earlier posting if that is later (processes have clocks of their own). So
    the postings of a period follow each other, and a period that is over does not change.
    """

    entry: Entry
    booked_at: datetime
    debit_balance: int
    credit_balance: int

    @property
    def legs(self) -> tuple[Leg, ...]:
        """The lines of both accounts; of a free order, its one line."""
        entry = self.entry
        about = (entry.key, entry.purchase_id, entry.kind, entry.at)
        credit = (entry.credit, entry.unit, entry.position, entry.number, 0, entry.amount, self.credit_balance)
        debit = (entry.debit, entry.unit, entry.position, entry.number, 1, -entry.amount, self.debit_balance)
        if not entry.amount:
            return (Leg(*credit, *about),)
        return Leg(*credit, *about), Leg(*debit, *about)


class StatementQuery(NamedTuple):
    """A page of the statement of [since, until): at most `limit` lines, those after a cursor."""

    since: datetime | None = None
    until: datetime | None = None
    limit: int = LINES_MAX
    after: LineCursor | None = None


class SaleFigures(NamedTuple):
    """What a sale consists of, in minor units: gross = tickets before the discount; the fees are both together."""

    gross_minor: int
    discount_minor: int
    fees_minor: int
    tax_minor: int
    tax_bps: int


class Links(NamedTuple):
    """What a purchase says to its lines: Stripe's charge, the tickets' addresses on chain, venue, show, reference.

    `netted_minor` is what of its share paid the venue's earlier debts; negative: a debt of ours that came with it.
    """

    charge_id: str | None
    mint_addresses: tuple[str, ...]
    show_id: str | None = None
    order_ref: str | None = None
    tickets: str = ""
    tender: Tender | None = None
    sale: SaleFigures | None = None
    netted_minor: int | None = None
    venue_id: str | None = None


class BalanceSplit(TypedDict):
    """A venue's money in one currency: with us, in its Stripe account, held back, and paid out to its bank."""

    currency: str
    pending_minor: int
    available_minor: int
    reserved_minor: int
    paid_out_minor: int


class LegLine(TypedDict):
    """One posting on an account, with the account's balance after it, and what it is about."""

    at: Timestamp
    kind: str
    account: str
    amount_minor: int
    balance_minor: int
    currency: str
    purchase_id: str | None
    charge_id: str | None
    key: str
    position: int
    show_id: str | None
    order_ref: str | None
    tickets: str
    tender: Tender | None
    amount: str
    balance: str


class _Figures(TypedDict):
    """The columns of a line that add up."""

    gross_minor: int | None
    discount_minor: int | None
    fees_minor: int | None
    tax_minor: int | None
    tax_bps: int | None
    netted_minor: int | None


class StatementLine(LegLine, _Figures):
    """One posting on one of a venue's accounts, with the account's balance after it, and what it is about.

    `order_ref` is the number of the receipt; `tickets` has types and quantities. The figures of a sale stand once, on
    its first line, so that they can be added up. `place` is where money that is paid out is: till or bank. A transfer
    says what of its share was netted with earlier debts. `amount` and `balance` are decimals of the currency.
    """

    mint_addresses: list[str]
    place: Literal["till", "bank"] | None


class StatementSum(TypedDict):
    """The balance of one of a statement's accounts in one currency."""

    account: str
    currency: str
    balance_minor: int


class TaxSum(TypedDict):
    """The tax of one rate in a period, by the kind of posting: of sales, and what came back by refunds and disputes."""

    currency: str
    tax_bps: int
    kind: str
    tax_minor: int
    tax: str


# `from` is a keyword of Python, so this one is declared as a call.
StatementPeriod = TypedDict(
    "StatementPeriod",
    {
        "from": Timestamp | None,
        "to": Timestamp | None,
        "opening": list[StatementSum],
        "closing": list[StatementSum],
        "next": str | None,
    },
)
StatementPeriod.__doc__ = (
    "The balances before and after the whole period [from, to); `next` is the cursor of the next page, null on the "
    "last one."
)


class Statement(StatementPeriod):
    """A page of the lines of a venue's accounts in [from, to), and the balances before and after the whole period.

    `next` is the cursor of the next page, null on the last one.
    """

    venue_id: str
    lines: list[StatementLine]


class StatementPage(NamedTuple):
    """A page of a statement of any accounts: its lines, and the balances before and after the whole period."""

    legs: Sequence[Leg]
    opening: Mapping[tuple[str, str], int]
    closing: Mapping[tuple[str, str], int]
    links: Mapping[str, Links]
    following: LineCursor | None


NO_LINKS = Links(None, ())


def booked(
    entries: Iterable[Entry], balances: MutableMapping[tuple[str, str], int], last: datetime | None
) -> list[BookedEntry]:
    """Return postings with the balances after each, and change `balances` (by account and unit) by them.

    `entries` follow, in the order of the books, the ones that `balances` and `last`, their newest time, are of.
    """
    found = []
    for entry in entries:
        last = entry.at if last is None else max(entry.at, last)
        for account, amount in ((entry.credit, entry.amount), (entry.debit, -entry.amount)):
            if account:
                balances[account, entry.unit] = balances.get((account, entry.unit), 0) + amount
        after = (balances.get((account, entry.unit), 0) for account in (entry.debit, entry.credit))
        found.append(BookedEntry(entry, last, *after))
    return found


def names_of(venue_id: str) -> Mapping[str, str]:
    """Return the names that a statement gives to a venue's accounts."""
    return {venue_account(venue_id, name): name for name in VENUE_ACCOUNTS}


def statement_of(venue_id: str, query: StatementQuery, page: StatementPage) -> Statement:
    """Return a page of a venue's statement."""
    names = names_of(venue_id)
    lines = [_line(names[leg.account], leg, page.links.get(leg.purchase_id, NO_LINKS)) for leg in page.legs]
    return {"venue_id": venue_id, **period_of(names, query, page), "lines": lines}


def period_of(names: Mapping[str, str], query: StatementQuery, page: StatementPage) -> StatementPeriod:
    """Return the period of a statement with its balances; `names` are those of the accounts."""
    return {
        "from": iso(query.since),
        "to": iso(query.until),
        "opening": _sums(names, {name: page.opening.get(name, 0) for name in page.closing}),
        "closing": _sums(names, page.closing),
        "next": page.following.text if page.following else None,
    }


def line_of(name: str, leg: Leg, link: Links) -> LegLine:
    """Return a line of the account of a name."""
    return {
        "at": leg.at.isoformat(),
        "kind": leg.kind,
        "account": name,
        "amount_minor": leg.amount,
        "balance_minor": leg.balance,
        "currency": leg.unit,
        "purchase_id": leg.purchase_id or None,
        "charge_id": link.charge_id,
        "key": leg.key,
        "position": leg.position,
        "show_id": link.show_id,
        "order_ref": link.order_ref,
        "tickets": link.tickets,
        "tender": link.tender,
        "amount": shown(leg.amount, leg.unit),
        "balance": shown(leg.balance, leg.unit),
    }


def _line(name: str, leg: Leg, link: Links) -> StatementLine:
    about = {"mint_addresses": list(link.mint_addresses), "place": _place(name, leg, link)}
    return cast("StatementLine", {**line_of(name, leg, link), **about, **_figures(leg, link)})


def _figures(leg: Leg, link: Links) -> _Figures:
    """Return the figures of a sale on its first line, and what was netted on the first line of a transfer."""
    is_first = (leg.number == 0 or not leg.amount) and leg.side == (1 if leg.kind == "transfer" else 0)
    sale = link.sale if leg.kind == "sale" and is_first else None
    netted_minor = link.netted_minor if leg.kind == "transfer" and is_first else None
    of_sale = sale._asdict() if sale else dict.fromkeys(SaleFigures._fields)
    return cast("_Figures", {**of_sale, "netted_minor": netted_minor})


def _place(name: str, leg: Leg, link: Links) -> Literal["till", "bank"] | None:
    """Return where money that is paid out is: cash is in the till, all else went to the bank."""
    if name != "paid_out":
        return None
    return "till" if leg.purchase_id and link.tender == "cash" else "bank"


def _sums(names: Mapping[str, str], sums: Mapping[tuple[str, str], int]) -> list[StatementSum]:
    """Return balances (by account and unit), ordered by the names of their accounts."""
    named = sorted((names[account], unit, balance) for (account, unit), balance in sums.items())
    return [{"account": name, "currency": unit, "balance_minor": balance} for name, unit, balance in named]


def balance_of(sums: Mapping[tuple[str, str], int], venue_id: str) -> list[BalanceSplit]:
    """Split a venue's money per currency: with us, in its Stripe account, held back, and paid out to its bank.

    A negative `pending` is a debt of the venue, deducted from its next sales.
    """
    accounts = {name: venue_account(venue_id, name) for name in VENUE_ACCOUNTS}
    units = sorted({unit for account, unit in sums if account in accounts.values()})
    return [
        {
            "currency": unit,
            "pending_minor": sums.get((accounts["pending"], unit), 0),
            "available_minor": sums.get((accounts["available"], unit), 0),
            "reserved_minor": sums.get((accounts["reserved"], unit), 0),
            "paid_out_minor": sums.get((accounts["paid_out"], unit), 0),
        }
        for unit in units
    ]
