"""Stock under any sequence of holds, confirmations and their undoing, in any order and repeated."""

from typing import Literal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.allocation import Allocation
from domain.fact import broken_link
from domain.refusals import HoldReleased, Refusal, SeatsUnavailable, UnknownSubject, WrongState
from tests.fakes.samples import AT, LATER, facts_of, folded, new_allocation, state_of, through_json

KEYS = st.sampled_from("abcde")
Standing = Literal["held", "confirmed", "released"]


class Stock(RuleBasedStateMachine):
    """A model of a few lines beside the aggregate: key → (quantity, standing)."""

    @initialize(capacity=st.integers(1, 12))
    def open(self, capacity: int) -> None:
        self.stock: Allocation = new_allocation(capacity)
        self.model: dict[str, tuple[int, Standing]] = {}

    def _sum(self, standing: Standing) -> int:
        return sum(quantity for quantity, state in self.model.values() if state == standing)

    def _refusal(self, act: str, key: str, quantity: int = 0) -> type[Refusal] | None:
        """Ask the aggregate; return the refusal, or None when it agreed."""
        try:
            match act:
                case "place":
                    self.stock.place(key, quantity, LATER, "purchase", AT)
                case "confirm":
                    self.stock.confirm(key, AT)
                case "unconfirm":
                    self.stock.unconfirm(key, AT)
                case _:
                    self.stock.release(key, "test", AT)
        except Refusal as refusal:
            return type(refusal)
        return None

    @rule(key=KEYS, quantity=st.integers(1, 6))
    def place(self, key: str, quantity: int) -> None:
        left = self.stock.capacity - self._sum("held") - self._sum("confirmed")
        known = self.model.get(key)
        expected = None
        if known is not None:
            expected = HoldReleased if known[1] == "released" else None
        elif quantity > left:
            expected = SeatsUnavailable
        else:
            self.model[key] = (quantity, "held")
        assert self._refusal("place", key, quantity) is expected

    @rule(key=KEYS)
    def confirm(self, key: str) -> None:
        quantity, standing = self.model.get(key, (0, None))
        expected = {None: UnknownSubject, "released": HoldReleased}.get(standing)
        if expected is None:
            self.model[key] = (quantity, "confirmed")
        assert self._refusal("confirm", key) is expected

    @rule(key=KEYS)
    def unconfirm(self, key: str) -> None:
        quantity, standing = self.model.get(key, (0, None))
        if standing == "confirmed":
            self.model[key] = (quantity, "held")
        assert self._refusal("unconfirm", key) is None

    @rule(key=KEYS)
    def release(self, key: str) -> None:
        quantity, standing = self.model.get(key, (0, None))
        expected = WrongState if standing == "confirmed" else None
        if expected is None:
            self.model[key] = (quantity, "released")
        assert self._refusal("release", key) is expected

    @invariant()
    def never_oversells(self) -> None:
        stock = self.stock
        assert stock.capacity == stock.available + stock.held + stock.sold
        assert min(stock.available, stock.held, stock.sold) >= 0
        assert (stock.held, stock.sold) == (self._sum("held"), self._sum("confirmed"))
        standing: dict[str, Standing] = {key: hold.state for key, hold in stock.holds.items()}
        standing |= dict.fromkeys(stock.tombstones, "released")
        assert standing == {key: standing for key, (_, standing) in self.model.items()}

    def teardown(self) -> None:
        if hasattr(self, "stock"):
            facts = through_json(facts_of(self.stock))
            assert broken_link(facts) is None
            assert state_of(folded(facts)) == state_of(self.stock)


test_stock_is_never_sold_twice = Stock.TestCase
