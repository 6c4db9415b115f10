"""Whatever is refunded, paid by hand, disputed and returned of a charge: its holders hold what it keeps, no less."""

from hypothesis import given
from hypothesis import strategies as st

from domain.money.breakdown import AmountBreakdown, amount_breakdown, breakdown_from
from domain.payments.holdings import GivenBack, Holdings, Taken, holdings_of

CURRENCIES = {"eur": 1, "kwd": 10}
ACTS = st.lists(st.tuples(st.sampled_from(["refund", "arrive", "fail", "by hand", "take", "lose", "win", "return"]),
                          st.integers(0, 5), st.integers(0, 400)), max_size=25)  # fmt: skip


def kept_minor(held: Holdings) -> int:
    """Return the money of all holders."""
    return held.parties.total_minor + held.owed_minor + held.own_minor


class Charge:
    """One charge: its refunds and its disputes, and the money that has left it, counted apart."""

    def __init__(self, parties: AmountBreakdown, currency: str) -> None:
        self.price, self.currency = parties, currency
        self.refunds: list[GivenBack] = []
        self.open: list[Taken] = []
        self.lost: list[Taken] = []
        self.left = 0

    @property
    def holdings(self) -> Holdings:
        lost = [taken.model_copy(update={"owed_minor": 0}) for taken in self.lost]
        return holdings_of(self.price, self.refunds, [*self.open, *lost], self.currency)

    def refund(self, _: int, amount: int) -> None:
        parties = self.holdings.parties
        if not self.open:
            step = CURRENCIES[self.currency]
            whole = parties.total_minor // step * step  # a bank may have taken a part of a step
            given = amount_breakdown(parties, min(amount * step, whole), self.currency)
            self.refunds.append(GivenBack(given=given, due_minor=given.total_minor))

    def arrive(self, which: int, _: int) -> None:
        if self.refunds and not self.open:
            at = which % len(self.refunds)
            self.left += self.refunds[at].due_minor
            self.refunds[at] = self.refunds[at].model_copy(update={"due_minor": 0})

    def by_hand(self, which: int, _: int) -> None:
        if self.refunds and not self.open:
            at = which % len(self.refunds)
            known = self.refunds[at]
            paid = {"due_minor": 0, "by_hand_minor": known.by_hand_minor + known.due_minor}
            self.refunds[at] = known.model_copy(update=paid)

    def take(self, _: int, amount: int) -> None:
        amount = min(amount, kept_minor(self.holdings))
        taken = self.holdings.taken(amount, self.currency)
        assert taken.total_minor == amount
        self.left += amount
        self.open.append(taken)

    def lose(self, which: int, _: int) -> None:
        if self.open:
            taken = self.open.pop(which % len(self.open))
            rest = taken.owed_minor
            for at, known in enumerate(self.refunds):
                paid = min(rest, known.due_minor)
                self.refunds[at] = known.model_copy(update={"due_minor": known.due_minor - paid})
                rest -= paid
            assert rest == 0
            self.lost.append(taken)

    def win(self, which: int, _: int) -> None:
        if self.open:
            self.left -= self.open.pop(which % len(self.open)).total_minor

    def give_back(self, which: int, amount: int) -> None:
        """Return what the parties and the platform lost; a debt that comes back is `RefundOwedAgain`."""
        if self.lost:
            at = which % len(self.lost)
            taken = self.lost[at]
            back = taken.given_back(min(amount, taken.total_minor - taken.owed_minor), self.currency)
            self.left -= back.total_minor
            self.lost[at] = taken.less(back)


@given(st.tuples(*[st.integers(0, 300)] * 4), st.sampled_from(sorted(CURRENCIES)), ACTS)
def test_the_holders_hold_what_the_charge_keeps(figures: tuple[int, ...], currency: str, acts: list) -> None:  # type: ignore[type-arg]
    """No part is ever negative, and the parts sum to the money that has not left the charge."""
    charge = Charge(breakdown_from([figure * CURRENCIES[currency] for figure in figures]), currency)
    verbs = {"refund": charge.refund, "arrive": charge.arrive, "by hand": charge.by_hand, "take": charge.take,
             "lose": charge.lose, "win": charge.win, "return": charge.give_back, "fail": charge.lose}  # fmt: skip
    for verb, which, amount in acts:
        verbs[verb](which, amount)
        held = charge.holdings
        assert min(*held.parties.figures, held.owed_minor, held.own_minor) >= 0
        assert kept_minor(held) == charge.price.total_minor - charge.left


@given(st.tuples(*[st.integers(0, 300)] * 4), st.integers(0, 300), st.integers(0, 2000), st.integers(0, 2000))
def test_what_is_taken_comes_back_to_the_cent(figures: tuple[int, ...], owed: int, amount: int, returned: int) -> None:
    """A bank takes exactly its amount, our debt first; what it returns is split exactly, our debt last."""
    held = Holdings(parties=breakdown_from(figures), owed_minor=owed)
    taken = held.taken(amount, "eur")
    assert taken.total_minor == amount
    assert taken.owed_minor == min(amount, owed)
    assert taken.parties.capped(held.parties) == taken.parties
    assert taken.loss_minor == max(amount - kept_minor(held), 0)
    back = taken.given_back(returned, "eur")
    assert back.total_minor == returned
    assert back.owed_minor == max(min(returned, amount) - taken.loss_minor - taken.parties.total_minor, 0)
