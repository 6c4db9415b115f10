"""A second implementation of the money rules: exact fractions and plain sums, without any of the program's code."""

from collections import defaultdict
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from typing import NamedTuple

STEPS = {"kwd": 10}
WHOLE_BPS = 10_000
Sums = defaultdict[tuple[str, str], int]  # a Counter calls Python code for each missing key


class Terms(NamedTuple):
    """Terms of a venue; `unit` is the price of a full ticket, in steps of the currency."""

    currency: str
    unit: int
    platform_bps: int
    processing_bps: int
    fixed: int
    absorbed: bool
    tax_bps: int
    inclusive: bool
    off_bps: int

    @property
    def step(self) -> int:
        """The smallest difference between two amounts."""
        return STEPS.get(self.currency, 1)

    def units(self, full: int, half: int, free: int) -> list[int]:
        """Return the price of each ticket before the discount."""
        return [self.unit * self.step] * full + [self.unit // 2 * self.step] * half + [0] * free


class Split(NamedTuple):
    """An amount, split by recipient."""

    venue: int = 0
    platform: int = 0
    processing: int = 0
    tax: int = 0

    @property
    def total(self) -> int:
        """The sum of the parts."""
        return sum(self)

    def less(self, other: "Split") -> "Split":
        """Subtract another split."""
        return Split(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))

    def plus(self, other: "Split") -> "Split":
        """Add another split."""
        return Split(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def bare(self, fees: str) -> "Split":
        """Leave out both fees if the buyer bears them."""
        return self._replace(platform=0, processing=0) if fees == "buyer" else self

    def within(self, most: "Split") -> "Split":
        """Limit each part to that of another split."""
        return Split(*(min(mine, theirs) for mine, theirs in zip(self, most, strict=True)))


def near(exact: Fraction, step: int) -> int:
    """Round half up to a step."""
    return floor(exact / step + Fraction(1, 2)) * step


def apportion(amount: int, weights: Sequence[int | Fraction], step: int) -> list[int]:
    """Split by weights: round each part down to a step, then add a step to those with the largest remainders."""
    exact = [Fraction(amount * weight, sum(weights) * step) for weight in weights]
    given = [floor(part) for part in exact]
    most_cut = sorted(range(len(weights)), key=lambda at: given[at] - exact[at])
    for at in most_cut[: amount // step - sum(given)]:
        given[at] += 1
    return [part * step for part in given]


def grid(rows: Sequence[int], columns: Sequence[int], step: int) -> list[list[int]]:
    """Fill a table with these sums: each cell rounded down, then each row's rest to the columns that lack the most."""
    total = sum(rows) or 1
    table = [[floor(Fraction(row * column, total * step)) for column in columns] for row in rows]
    for row, cells in zip(rows, table, strict=True):
        lack = [column // step - sum(line[at] for line in table) for at, column in enumerate(columns)]
        for at in sorted(range(len(columns)), key=lambda at: -lack[at])[: row // step - sum(cells)]:
            cells[at] += 1
    return [[cell * step for cell in cells] for cells in table]


def off_of(terms: Terms, lines: Sequence[int]) -> list[int]:
    """Return the discount of each line."""
    taken = near(Fraction(sum(lines) * terms.off_bps, WHOLE_BPS), terms.step)
    return apportion(taken, lines, terms.step) if sum(lines) else [0] * len(lines)


def split_of(terms: Terms, base: int, *, cash: bool) -> Split:
    """Split a sale's money by recipient."""
    if not base:
        return Split()
    if terms.inclusive:
        tax = near(Fraction(base * terms.tax_bps, WHOLE_BPS + terms.tax_bps), terms.step)
    else:
        tax = near(Fraction(base * terms.tax_bps, WHOLE_BPS), terms.step)
    platform = near(Fraction(base * terms.platform_bps, WHOLE_BPS), terms.step)
    processing = near(Fraction(base * terms.processing_bps, WHOLE_BPS), terms.step) + terms.fixed * terms.step
    if cash:
        processing = 0
    net = base - tax if terms.inclusive else base
    if terms.absorbed:
        processing = min(processing, net)
        platform = min(platform, net - processing)
        net -= platform + processing
    return Split(net, platform, processing, tax)


@dataclass
class Back:
    """A refund: posted after its sale is posted, and paid once it succeeded at Stripe."""

    refund_id: str
    given: Split
    fees: str
    tickets: tuple[str, ...]
    stripe_id: str = ""
    posted: bool = False
    paid: bool = False
    by_hand: int = 0
    by_bank: int = 0
    elsewhere: int = 0  # paid by another refund; negative for that one, which may have no other amount
    excess: int = 0  # given back by a person although nobody owed it

    @property
    def amount(self) -> int:
        """What the buyer gets by this refund."""
        return self.given.total - self.elsewhere + self.excess

    @property
    def due(self) -> int:
        """The part that no bank has paid."""
        return self.amount - self.by_bank

    @property
    def owed(self) -> int:
        """The part of it that we owe the buyer."""
        return 0 if self.paid else self.due - self.excess

    @property
    def of_venue(self) -> int:
        """The part that the venue bears."""
        return self.given.venue + (self.given.platform + self.given.processing if self.fees == "venue" else 0)


@dataclass
class DisputeClaim:
    """A dispute, as last read from Stripe; `parts`, `owed` and `loss` are what it takes, by holder."""

    amount: int
    fee: int
    parts: Split = field(default_factory=Split)
    owed: int = 0
    loss: int = 0
    state: str = "unknown"
    fee_back: int = 0
    returned: int = 0

    @property
    def takes(self) -> bool:
        """Whether it takes money from its holders now."""
        return self.state in {"open", "lost"}


@dataclass
class Sale:
    """A sold order."""

    purchase_id: str
    venue: int
    split: Split
    tender: str
    worth: list[Fraction]
    tickets: list[str]
    intent_id: str = ""
    fee: int = 0
    is_settled: bool = False
    delivered: set[str] = field(default_factory=set)
    backs: list[Back] = field(default_factory=list)
    claims: dict[str, DisputeClaim] = field(default_factory=dict)
    sent: int = 0
    returned: int = 0
    step: int = 1

    @property
    def left(self) -> Split:
        """The amount that can still be refunded: excludes refunds, and disputes known to be lost."""
        return self.held({"lost"})

    def held(self, states: Container[str]) -> Split:
        """Return what the parties hold after refunds, and after disputes in these states."""
        left = self.split
        for back in self.backs:
            left = left.less(back.given)
        for claim in self.claims.values():
            left = left.less(claim.parts) if claim.state in states else left
        return left

    def open_claim(self, claim: DisputeClaim) -> None:
        """Let a dispute take its amount: what the buyer is owed, then from the parties in proportion, then a loss."""
        owed = sum(back.owed for back in self.backs)
        owed -= sum(other.owed for other in self.claims.values() if other.state == "open")
        held = self.held({"open", "lost"})
        claim.owed = min(claim.amount, max(owed, 0))
        from_parties = min(claim.amount - claim.owed, held.total)
        step = 1 if from_parties % self.step else self.step
        claim.parts = Split(*apportion(from_parties, held, step)) if from_parties else Split()
        claim.loss = claim.amount - claim.owed - from_parties
        claim.state = "open"

    def lose_claim(self, claim: DisputeClaim) -> None:
        """Let the bank pay the refunds that are owed; what was paid meanwhile is lost."""
        rest = claim.owed
        for back in self.backs:
            paid = min(rest, back.owed)
            back.by_bank += paid
            back.paid = back.paid or not back.due
            rest -= paid
        claim.owed, claim.loss, claim.state = claim.owed - rest, claim.loss + rest, "lost"

    def take_back(self, claim: DisputeClaim, amount: int, name_of: Callable[[str], str]) -> None:
        """Give money of a lost dispute back: the loss first, then the parties, then the buyer is owed again."""
        loss = min(amount, claim.loss)
        to_parties = min(amount - loss, claim.parts.total)
        step = 1 if to_parties % self.step else self.step
        parts = Split(*apportion(to_parties, claim.parts, step)) if to_parties else Split()
        rest = owed = min(amount - loss - to_parties, claim.owed)
        for back in reversed([one for one in self.backs if one.by_bank]):
            if again := min(rest, back.by_bank):
                back.by_bank -= again
                back.elsewhere += again
                self.backs.append(Back(name_of(back.refund_id), Split(), "platform", (), posted=True, elsewhere=-again))
                rest -= again
        claim.parts, claim.owed = claim.parts.less(parts), claim.owed - owed
        claim.loss -= amount - to_parties - owed

    @property
    def prices(self) -> dict[str, Split]:
        """The price of each ticket, fixed by the sale."""
        totals = apportion(self.split.total, self.worth, self.step) if self.split.total else [0] * len(self.worth)
        return dict(zip(self.tickets, (Split(*row) for row in grid(totals, self.split, self.step)), strict=True))

    @property
    def refundable(self) -> Split:
        """The amount that a refund of the rest gives back: without fees that the buyer was to bear."""
        rest = self.left
        for back in self.backs:
            rest = rest.less(self._kept(back))
        return Split(*(max(part, 0) for part in rest))

    def _kept(self, back: Back) -> Split:
        """Return the fees that a refund kept from the buyer."""
        if back.fees != "buyer":
            return Split()
        if back.tickets:
            prices = [self.prices[name] for name in back.tickets]
            return Split(0, sum(price.platform for price in prices), sum(price.processing for price in prices), 0)
        base = self.split.venue + self.split.tax
        kept = [near(Fraction(fee * back.given.total, base), self.step) for fee in self.split[1:3]]
        return Split(platform=kept[0], processing=kept[1])

    def whole(self, fees: str) -> Split:
        """Return the refund of the rest."""
        return self.refundable.bare(fees)

    def by_ticket(self, ticket_id: str, fees: str) -> Split:
        """Return a ticket's price, limited to the refundable amount in all."""
        room, price = self.refundable.bare(fees), self.prices[ticket_id].bare(fees)
        sure = price.within(room)
        lacking = min(price.total, room.total) - sure.total
        return sure.plus(Split(*apportion(lacking, room.less(sure), self.step)) if lacking else Split())

    def by_amount(self, amount: int, fees: str) -> Split:
        """Split an amount in proportion to the refundable parts; fees that the buyer was to bear come last."""
        room, most = self.refundable.bare(fees), self.left.bare(fees)
        first = min(amount, room.total)
        sure = Split(*apportion(first, room, self.step)) if first else Split()
        more = amount - first
        return sure.plus(Split(*apportion(more, most.less(room), self.step)) if more else Split())


def _expected_of_claims(sale: Sale) -> defaultdict[str, int]:
    """Return what disputes change: by account, where the venue is what it has and `reserved` what is set aside."""
    sums: defaultdict[str, int] = defaultdict(int)
    for claim in (one for one in sale.claims.values() if one.state != "unknown"):
        sums["processing"] -= claim.fee - claim.fee_back
        sums["clearing"] += claim.fee - claim.fee_back + claim.amount - claim.returned
        sums["venue"] -= claim.parts.venue if claim.takes else 0
        if claim.state == "open":
            sums["reserve"] -= claim.amount
            sums["reserved"] += claim.parts.venue
        if claim.state == "lost":
            sums["losses"] -= claim.loss
            sums["platform"] -= claim.parts.platform
            sums["tax"] -= claim.parts.tax
            sums["processing"] -= claim.parts.processing
    return sums


def expected(sale: Sale, currency: str) -> Sums:
    """Return the expected balance of each account after a sale."""
    sums: Sums = defaultdict(int)
    clearing, processing, pending, platform, tax, owed = 0, 0, 0, 0, 0, 0
    if sale.is_settled:
        pending, platform, processing, tax = sale.split
        processing -= sale.fee
        clearing = sale.fee - sale.split.total
        debt = len(sale.tickets) - len(sale.delivered)
        sums["mint:debt", "TICKET"], sums["tickets:sold", "TICKET"] = debt, -debt
    for back in sale.backs:
        # Before it is posted: owed by those that failed, or posted with what a bank has paid and given back since.
        owed -= 0 if back.posted else back.elsewhere + back.by_bank
        if back.posted:
            given = back.given
            pending -= back.of_venue
            platform -= given.platform if back.fees != "venue" else 0
            processing -= given.processing if back.fees != "venue" else 0
            tax -= given.tax
            owed += 0 if back.paid else back.due
            clearing += (back.due if back.paid else 0) - back.by_hand
            sums["platform:bank", currency] += back.by_hand
            sums["refund:losses", currency] -= back.excess
    claims = _expected_of_claims(sale)
    # With cash the venue has the money that would otherwise be at Stripe, our part included.
    kept, for_buyer = (-clearing, owed) if sale.tender == "cash" else (0, 0)  # for the buyer, in the till
    there = sale.sent - sale.returned
    venue = f"venue:ve{sale.venue}"
    sums[f"till:ve{sale.venue}:cash", currency] -= kept
    sums["stripe:clearing", currency] += clearing + kept + there + claims["clearing"]
    sums["venues:sent", currency] -= there
    for account, amount in (
        (f"{venue}:payable", pending - kept - there + for_buyer + claims["venue"]),
        (f"{venue}:transferred", there),
        (f"{venue}:reserved", claims["reserved"]),
        (f"{venue}:paid-out", kept - for_buyer),
        ("platform:fees", platform + claims["platform"]),
        ("processing:fees", processing + claims["processing"]),
        (f"tax:ve{sale.venue}:payable", tax + claims["tax"]),
        ("dispute:reserve", claims["reserve"]),
        ("dispute:losses", claims["losses"]),
        (f"buyer:{sale.purchase_id}:refundable", owed),
    ):
        sums[account, currency] += amount
    return sums
