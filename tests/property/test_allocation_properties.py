"""Stock under any sequence of holds, confirmations and their undoing, in any order and repeated."""

import json
from typing import Literal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.core.errors import HoldReleased, Refusal, SeatsUnavailable, UnknownSubject, WrongState
from domain.stock.allocation import Allocation
from tests.fakes.samples import AT, LATER, events_of, folded, new_allocation, state_of, through_json

KEYS = st.sampled_from("abcde")
Status = Literal["held", "confirmed", "released"]


class AllocationModel(RuleBasedStateMachine):
    """The model: key → (quantity, state)."""

    @initialize(capacity=st.integers(1, 12))
    def open(self, capacity: int) -> None:
        self.stock: Allocation = new_allocation(capacity)
        self.model: dict[str, tuple[int, Status]] = {}
        self.returned: set[tuple[str, str]] = set()

    def _sum(self, status: Status) -> int:
        return sum(quantity for quantity, state in self.model.values() if state == status)

    def _refusal(self, act: str, key: str, quantity: int = 0, refund_id: str = "") -> type[Refusal] | None:
        """Run a command on the aggregate; return the refusal's type, or None."""
        try:
            match act:
                case "place":
                    self.stock.place(key, quantity, LATER, "purchase", AT)
                case "confirm":
                    self.stock.confirm(key, AT)
                case "give back":
                    self.stock.give_back(key, quantity, refund_id, AT)
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
        expected: type[Refusal] | None = None
        if known is not None:
            expected = HoldReleased if known[1] == "released" else None
        elif quantity > left:
            expected = SeatsUnavailable
        else:
            self.model[key] = (quantity, "held")
        assert self._refusal("place", key, quantity) is expected

    @rule(key=KEYS)
    def confirm(self, key: str) -> None:
        quantity, status = self.model.get(key, (0, None))
        expected = {None: UnknownSubject, "released": HoldReleased}.get(status)
        if expected is None:
            self.model[key] = (quantity, "confirmed")
        assert self._refusal("confirm", key) is expected

    @rule(key=KEYS)
    def unconfirm(self, key: str) -> None:
        quantity, status = self.model.get(key, (0, None))
        if status == "confirmed":
            self.model[key] = (quantity, "held")
        assert self._refusal("unconfirm", key) is None

    @rule(key=KEYS, quantity=st.integers(1, 3), refund_id=st.sampled_from(["r1", "r2", "r3"]))
    def give_back(self, key: str, quantity: int, refund_id: str) -> None:
        left, status = self.model.get(key, (0, None))
        expected: type[Refusal] | None = {None: UnknownSubject, "released": HoldReleased}.get(status)
        if expected is None and (key, refund_id) not in self.returned:
            if status == "held" or quantity > left:
                expected = WrongState
            else:
                self.model[key] = (left - quantity, "confirmed")
                self.returned.add((key, refund_id))
        assert self._refusal("give back", key, quantity, refund_id) is expected

    @rule(key=KEYS, quantity=st.integers(2, 4))
    def sell_and_give_back(self, key: str, quantity: int) -> None:
        """Sell, then return one seat twice: a sequence that random choice takes too seldom."""
        self.place(key, quantity)
        self.confirm(key)
        for _ in range(2):
            self.give_back(key, 1, "r1")

    @rule(key=KEYS)
    def release(self, key: str) -> None:
        quantity, status = self.model.get(key, (0, None))
        expected = WrongState if status == "confirmed" else None
        if expected is None:
            self.model[key] = (quantity, "released")
        assert self._refusal("release", key) is expected

    @invariant()
    def never_oversells(self) -> None:
        stock = self.stock
        assert stock.capacity == stock.available + stock.held + stock.sold
        assert min(stock.available, stock.held, stock.sold) >= 0
        assert (stock.held, stock.sold) == (self._sum("held"), self._sum("confirmed"))
        status: dict[str, Status] = {key: hold.state for key, hold in stock.holds.items()}
        status |= dict.fromkeys(stock.tombstones, "released")
        assert {(key, one) for key, hold in stock.holds.items() for one in hold.returned} <= self.returned
        assert status == {key: status for key, (_, status) in self.model.items()}

    def teardown(self) -> None:
        if hasattr(self, "stock"):
            events = through_json(events_of(self.stock))
            assert state_of(folded(events)) == state_of(self.stock)
            kept = json.loads(json.dumps(self.stock.snapshot()))
            restored = Allocation.from_snapshot(self.stock.id, self.stock.version, self.stock.digest, kept)
            assert restored.snapshot() == self.stock.snapshot()
            assert (restored.held, restored.sold) == (self.stock.held, self.stock.sold)


test_stock_is_never_sold_twice = AllocationModel.TestCase
