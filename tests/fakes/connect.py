"""Stripe Connect in memory: the contract of the real adapter, with failure switches."""

from collections import Counter, defaultdict
from typing import Literal

from activities.payouts.ports import AccountStatus, VenueRef
from adapters.stripe.errors import StripeRequestError
from domain.core.errors import PaymentRefused
from domain.invariants.outside import ConnectedBalance
from domain.payouts.connected_account import ACCOUNT_GONE, AccountRequest, AccountState, PayoutStatus, TransferOrder
from tests.fakes.switches import Switches

Verb = Literal[
    "create_account", "retrieve_account", "onboarding_link", "transfer", "reverse_transfer", "retrieve_payout"
]


class FakeConnect(Switches[Verb]):
    """A `ConnectGateway`; `effects` counts the calls that changed something."""

    def __init__(self, *, ready: bool = True) -> None:
        super().__init__()
        self.ready = ready
        self.accounts: dict[str, AccountState] = {}
        self.requests: dict[str, AccountRequest] = {}
        self.settles_in: tuple[str, ...] = ("eur", "usd")
        self.balances: Counter[str] = Counter()
        self.transfers: dict[str, TransferOrder] = {}
        self.reversed: Counter[str] = Counter()
        self.payouts: dict[str, PayoutStatus] = {}
        self.effects: Counter[str] = Counter()
        self.vanished: set[str] = set()
        self._by_key: dict[str, str] = {}
        self.broken: dict[str, Exception] = {}
        self._forbidden: set[str] = set()

    def vanish(self, account_id: str) -> None:
        """Delete an account: every call for it is refused, and reading it says so."""
        gone = {"may_receive": False, "may_pay_out": False, "asked_for": 0, "is_gone": True}
        self.accounts[account_id] = self.accounts[account_id].model_copy(update=gone)

    def forbid(self, account_id: str) -> None:
        """Take our key's permissions for an account away, until `permit`."""
        self._forbidden.add(account_id)

    def permit(self, account_id: str) -> None:
        """Take back `forbid`."""
        self._forbidden.discard(account_id)

    def onboard(self, account_id: str) -> None:
        """Complete the venue's onboarding."""
        self.accounts[account_id] = AccountState(account_id=account_id, may_receive=True, may_pay_out=True, asked_for=0)

    def net_by_charge(self) -> Counter[str]:
        """Return the change of our Stripe balance by the transfers of each charge, and their reversals."""
        nets: Counter[str] = Counter()
        for name, order in self.transfers.items():
            nets[order.charge_id] += self.reversed[name] - order.amount_minor
        return nets

    def account_balances(self) -> dict[str, ConnectedBalance]:
        """Return the balance of each account that received a transfer, by the currency of its transfers."""
        units = {order.account_id: order.currency for order in self.transfers.values()}
        under_way: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for payout in self.payouts.values():
            if payout.status in {"pending", "in_transit"}:
                under_way[payout.currency][payout.payout_id] = payout.amount_minor
        return {
            account_id: ConnectedBalance({unit: self.balances[account_id]}, {unit: under_way[unit].total()})
            for account_id, unit in units.items()
        }

    async def create_account(self, request: AccountRequest, key: str) -> AccountState:
        """Create the account of a venue, or return the one created under this key."""
        self._begin("create_account")
        if key not in self._by_key:
            self.effects["create_account"] += 1
            known = sum(other.startswith(f"acct_{request.venue_id}_") for other in self.accounts)
            name = f"acct_{request.venue_id}_{len(request.name)}"
            account_id = self._by_key[key] = name + (f"_{known + 1}" if known else "")
            self.requests[account_id] = request
            missing = 0 if self.ready else 4
            self.accounts[account_id] = AccountState(
                account_id=account_id,
                may_receive=self.ready,
                may_pay_out=self.ready,
                asked_for=missing,
                settlement_currencies=self.settles_in if self.ready else (),
            )
        self._end("create_account")
        return self.accounts[self._by_key[key]]

    async def retrieve_account(self, account_id: str) -> AccountState:
        """Read an account."""
        self._begin("retrieve_account")
        if account_id in self._forbidden:
            raise StripeRequestError("no permission for this account")
        return self.accounts[account_id]

    async def onboarding_link(self, account_id: str) -> str:
        """Return a fresh link."""
        self._begin("onboarding_link")
        self.effects["onboarding_link"] += 1
        return f"https://connect.stripe.com/{account_id}/{self.effects['onboarding_link']}"

    async def transfer(self, order: TransferOrder, key: str) -> str:
        """Move a share out of its charge to the venue's account."""
        self._begin("transfer")
        if order.purchase_id in self.broken:
            raise self.broken[order.purchase_id]
        self._reach(order.account_id)
        if key not in self._by_key:
            self.effects["transfer"] += 1
            transfer_id = self._by_key[key] = f"tr_{len(self.transfers) + 1}"
            self.transfers[transfer_id] = order
            self.balances[order.account_id] += order.amount_minor
        self._end("transfer")
        return self._by_key[key]

    async def reverse_transfer(self, transfer_id: str, amount_minor: int, key: str) -> str:
        """Reverse a part; refused beyond the account's balance."""
        self._begin("reverse_transfer")
        self._reach(self.transfers[transfer_id].account_id)
        if key not in self._by_key:
            account_id = self.transfers[transfer_id].account_id
            if self.balances[account_id] < amount_minor:
                raise PaymentRefused("insufficient balance of the account", reason="balance_insufficient")
            self.effects["reverse_transfer"] += 1
            self._by_key[key] = f"trr_{len(self._by_key) + 1}"
            self.balances[account_id] -= amount_minor
            self.reversed[transfer_id] += amount_minor
        self._end("reverse_transfer")
        return self._by_key[key]

    async def retrieve_payout(self, account_id: str, payout_id: str) -> PayoutStatus:
        """Read a payout of a connected account."""
        self._begin("retrieve_payout")
        if account_id in self._forbidden:
            raise StripeRequestError("no permission for this account")
        self._reach(account_id)
        return self.payouts[payout_id]

    def _reach(self, account_id: str) -> None:
        """Refuse an account that is gone: deleted, or (`vanished`) out of reach for a while."""
        if account_id in self.vanished or self.accounts[account_id].is_gone:
            raise PaymentRefused(f"the account {account_id} is gone", reason=ACCOUNT_GONE)


class ConnectingVenues:
    """Onboards venues as the engine does; every account misses one detail. With `away` there is no answer."""

    def __init__(self) -> None:
        self.away = False

    async def onboard(self, venue: VenueRef) -> AccountStatus | None:
        """Return an account in the middle of its onboarding."""
        if self.away:
            return None
        url = f"https://connect.stripe.com/{venue.venue_id}"
        return AccountStatus(account_id="acct_1", may_receive=True, may_pay_out=False, asked_for=1, url=url)
