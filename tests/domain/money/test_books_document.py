"""The worked examples of docs/books.md are computed from their own figures, so that the document stays true."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from domain.catalog.line import Line
from domain.catalog.pricing import quote_of
from domain.money import books
from domain.money.books import (
    Posting,
    at_till_postings,
    balances,
    by_hand_postings,
    came_back_postings,
    handed_out_postings,
    minted_postings,
    owed_postings,
    paid_back_postings,
    payout_postings,
    reversal_postings,
    sale_postings,
    transfer_postings,
    unsold_postings,
)
from domain.money.breakdown import amount_breakdown, breakdown_of, summed, ticket_breakdown
from domain.money.money import FeeRates, Price, Tax
from domain.payments.dispute import (
    Dispute,
    DisputeOpened,
    lost_postings,
    opened_postings,
    returned_postings,
    won_postings,
)
from domain.payments.holdings import Taken
from domain.payments.own_movement import OwnMovement, movement_postings
from tests.fakes.samples import AT, new_discount, new_show

TEXT = (Path(__file__).parents[3] / "docs" / "books.md").read_text()
PRICE_PARTS = ("subtotal", "discount", "platform_fee", "processing_fee", "tax", "total", "venue_share")
NEEDED = {
    "Sale",
    "Absorbed fees",
    "Discount",
    "Tax that is added",
    "Tax that is in the price",
    "Zero-priced order",
    "Cash at the box office",
    "Refund of a cash sale",
    "Complimentary tickets",
    "Dispute opened",
    "Dispute won",
    "Dispute lost",
    "Dispute lost, of which Stripe returns a part",
    "Dispute of money that the buyer has back",
    "Payout to the platform's own bank",
    "Processing fee that costs more than it brings",
    "Mint debt and its end",
    "Transfer to the venue",
    "Transfer that comes back",
    "Payout",
    "Payout that comes back",
    "Payout that is reversed",
    "Refund of a whole order",
    "Refund of one ticket, the fees borne by the venue",
    "Refund without the fees",
    "Refund of an amount",
    "Refund that fails after it succeeded",
    "Refund that is paid by hand",
    "Money that bought nothing",
}


def own(kind: str, sign: int, _: str, currency: str, amount: int) -> tuple[Posting, ...]:
    """Post a movement of our own balance."""
    movement = OwnMovement(entry_id="txn", kind=kind, currency=currency, amount_minor=sign * amount, fee_minor=0, at=AT)
    return movement_postings(movement)


MOVES: dict[str, Any] = {
    "own payout": partial(own, "payout", -1),
    "own payout returned": partial(own, "payout_failure", 1),
    "own top-up": partial(own, "topup", 1),
    "transfer": transfer_postings,
    "reversal": reversal_postings,
    "payout": partial(payout_postings, returned=False),
    "payout returned": partial(payout_postings, returned=True),
}


class Example(NamedTuple):
    """One section: its given figures, and its tables by their first column."""

    title: str
    given: dict[str, Any]
    tables: dict[str, list[list[str]]]


WENT: dict[str, Callable[[str, str, int], tuple[Posting, ...]]] = {
    "succeeded": paid_back_postings,
    "failed": came_back_postings,
    "owed at the till": lambda _, currency, amount: at_till_postings("ve", currency, amount),
    "handed out": partial(handed_out_postings, "ve"),
    "by hand": by_hand_postings,
}


def examples() -> list[Example]:
    """Read every section with given figures."""
    sections = re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]
    return [read(section) for section in sections if "```yaml" in section]


def read(section: str) -> Example:
    """Read a section's given figures and tables."""
    title = section.partition("\n")[0]
    (given,) = re.findall(r"```yaml\n(.*?)```", section, flags=re.DOTALL)
    tables: dict[str, list[list[str]]] = {}
    for table in re.findall(r"(?:^\|.*\|\n)+", section, flags=re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
        tables[rows[0][0]] = rows[2:]
    return Example(title, yaml.safe_load(given), tables)


def price(given: dict[str, Any]) -> Price:
    """Price the given lines, with a show whose ticket types are the lines."""
    lines = tuple((quantity, unit) for quantity, unit in given["lines"])
    types = [
        {"ticket_type_id": f"{number}", "name": "Seat", "price_minor": unit, "capacity": quantity}
        for number, (quantity, unit) in enumerate(lines)
    ]
    tax = Tax(**given.get("tax", {}))
    terms = {"currency": given["currency"], "tax_bps": tax.bps, "tax_inclusive": tax.inclusive}
    wanted = [Line(ticket_type_id=f"{number}", quantity=quantity) for number, (quantity, _) in enumerate(lines)]
    discount = new_discount(**given["discount"]) if "discount" in given else None
    rates = FeeRates.model_validate(given["rates"])
    show = new_show(ticket_types=types, **terms)
    return quote_of(show, rates, wanted, discount, AT, given.get("tender", "card")).price


def disputed(given: dict[str, Any]) -> list[Posting]:
    """Post a dispute of the whole sale, and its outcome."""
    of, terms = price(given), given["disputed"]
    money = {"currency": of.currency, "amount_minor": of.total_minor}
    taken = Taken(loss_minor=of.total_minor) if terms.get("of") == "nobody" else Taken(parties=breakdown_of(of))
    parts = taken.plain()
    names = {"tenant_id": "default", "purchase_id": "pu", "venue_id": "ve"}
    dispute = Dispute.begin(DisputeOpened, "du", AT, parts=parts, **money, **names)
    opened = opened_postings(dispute, terms["fee"])
    if terms["end"] == "open":
        return [*opened]
    if terms["end"] == "won":
        dispute.win(of.total_minor, AT)
        return [*opened, *won_postings(dispute, 0)]
    dispute.lose(0, AT)
    lost = lost_postings(dispute)
    back = dispute.take_back(terms.get("returned", 0), AT, venue_is_owed=False)
    return [*opened, *lost, *returned_postings(dispute, back.total_minor, back)]


def postings(given: dict[str, Any]) -> list[Posting]:
    """Post the given sale, minted tickets, transfers, refunds and dispute; or money that bought nothing."""
    if "captured" in given:
        captured = given["captured"]
        back = [posting for went in given["went"] for posting in WENT[went]("pu", given["currency"], captured)]
        return [*unsold_postings("pu", given["currency"], captured, given["stripe_fee"]), *back]
    count = sum(quantity for quantity, _ in given["lines"])
    sold = sale_postings("ve", price(given), given["stripe_fee"], count)
    minted = [posting for _ in range(given.get("minted", 0)) for posting in minted_postings()]
    moved = [
        posting for kind, amount in given.get("moved", []) for posting in MOVES[kind]("ve", given["currency"], amount)
    ]
    return [*sold, *minted, *moved, *refunded(given), *(disputed(given) if "disputed" in given else ())]


def refunded(given: dict[str, Any]) -> list[Posting]:
    """Post the refunds, each of tickets (by their numbers) or of an amount, and their outcomes at Stripe."""
    found, worth = price(given), [unit for quantity, unit in given["lines"] for _ in range(quantity)]
    left = breakdown_of(found)
    posted: list[Posting] = []
    for refund in given.get("refunds", []):
        fees, had = refund["fees"], left.without_fees() if refund["fees"] == "buyer" else left
        if "amount" in refund:
            part = amount_breakdown(had, refund["amount"], found.currency)
        else:
            tickets = ticket_breakdown(found, worth)
            part = summed([tickets[number - 1] for number in refund["tickets"]]).capped(had)
        left = left.less(part)
        posted += owed_postings("ve", "pu", found.currency, part, fees)
        posted += [posting for _ in refund.get("unminted", []) for posting in minted_postings()]
        for went in refund["went"]:
            posted += WENT[went]("pu", found.currency, part.total_minor)
    return posted


def test_there_is_an_example_of_each_kind() -> None:
    """A lost or unread example fails this test."""
    assert {example.title for example in examples()} >= NEEDED


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.title)
def test_an_example_is_what_is_computed(example: Example) -> None:
    """Price, postings and balances equal the computed ones, and each unit sums to zero."""
    if "lines" in example.given:
        found = price(example.given)
        assert [int(cell) for cell in example.tables["subtotal"][0]] == [
            getattr(found, f"{part}_minor") for part in PRICE_PARTS
        ]
    posted = postings(example.given)
    assert example.tables["debit"] == [[line.debit, line.credit, str(line.amount), line.unit] for line in posted]
    totals = balances(posted)
    documented = {(account, unit): int(balance) for account, balance, unit in example.tables["account"]}
    assert documented == totals
    for unit in {unit for _, unit in totals}:
        assert sum(amount for (_, held_in), amount in totals.items() if held_in == unit) == 0


def test_every_account_stands_in_the_chart() -> None:
    """The chart lists every account of the code and of the examples."""
    chart = set(re.findall(r"^\| `([^`]+)` \|", TEXT, flags=re.MULTILINE))
    named = {value for name, value in vars(books).items() if name.isupper() and isinstance(value, str)}
    named |= {books.venue_account("{id}", name) for name in books.VENUE_ACCOUNTS}
    used = {account for example in examples() for account, _, _ in example.tables["account"]}
    assert {account for account in named if ":" in account} <= chart
    assert {re.sub(r"(?<=:)(ve|pu)(?=:)", "{id}", account) for account in used} <= chart
