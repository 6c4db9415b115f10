"""Sample history with every outcome of a purchase: its events, and the matching state of the other systems."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from activities.books.own_balance import OwnBalanceCommands
from activities.catalog.prices import CreateDiscount
from activities.core.commands import EndPurchase, ExtendHold, MintTicket, PayRefund, PurchaseRef, RefundRef, TreeRef
from activities.core.follow_ups import FollowUpCommands, Matter
from activities.payouts.ports import PayoutRef, VenueRef
from activities.payouts.transfers import PayoutActivities
from activities.refunds.pay_refund import RefundActivities
from activities.refunds.request_refund import RefundCommands, RequestRefund
from activities.refunds.resale import add_group_capacity, restock_seats
from activities.refunds.unsold import owe_back
from activities.tokens.trees.leaves import end_leaf, record_leaves
from activities.tokens.trees.owed import LeafActivities
from domain.catalog.discount import DiscountTerms
from domain.catalog.show import Show
from domain.core.aggregate import DomainEvent
from domain.core.ids import ticket_id_of
from domain.core.unit_of_work import UnitOfWork
from domain.invariants.outside import ExternalState, StripeEntry, StripePayment
from domain.orders.order import Order
from domain.payments.own_movement import OwnMovement
from domain.payments.payment import IntentCreated, Payment
from domain.payments.payment_intent import IntentState
from domain.payments.refunds import Refunds
from domain.payouts.connected_account import PayoutStatus
from domain.stock.allocation import Allocation
from domain.tickets.admission import DoorEntry
from domain.tickets.leaf import TreeRoot
from domain.tickets.ticket import Ticket
from tests.fakes.connect import FakeConnect
from tests.fakes.due import DueInMemory
from tests.fakes.evidence import ALL_DEADLINES_PASSED
from tests.fakes.payment_gateway import FakePaymentGateway
from tests.fakes.samples import AT, SIGNED, burn
from tests.fakes.store_world import StoreWorld
from tests.fakes.trees import open_sample_tree, write_sample_root

FEE = 94
VENUE_REF = VenueRef(tenant_id="default", venue_id="ve")
ACCOUNT = "acct_ve_4"
EARLY = CreateDiscount(
    tenant_id="default",
    show_id="sh",
    key_id="dk",
    body_digest="d",
    code="EARLY",
    terms=DiscountTerms(percent_bps=1000, limit=1),
)


class SampleHistory(StoreWorld):
    """Each transaction has its own time; `intents` and `supplies` are the state of Stripe and the chain."""

    def __init__(self) -> None:
        super().__init__()
        self.store._clock = self._tick
        self.intents: list[StripePayment] = []
        self.supplies: dict[str, int] = {}
        self.roots: dict[str, TreeRoot] = {}
        self.entries: list[StripeEntry] = []
        self.connect = FakeConnect()
        self.payouts = PayoutActivities(self.store, self.connect, DueInMemory(self.store))

    def _tick(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    async def placed(self, name: str, **wanted: Any) -> PurchaseRef:
        """Place a purchase and open its payment."""
        purchase = (await self.request(name, **wanted)).purchase
        price = (await self.sales.place_order(purchase)).price
        events = {"tenant_id": "default", "purchase_id": name, "intent_id": f"pi_{name}", "capture_method": "manual"}
        money: dict[str, Any] = {"amount_minor": price.total_minor, "currency": "eur"}

        def decide(uow: UnitOfWork) -> None:
            uow.add(Payment.begin(IntentCreated, f"{name}:{purchase.attempt}", uow.at, **events, **money))
            uow.get(Order, name).open_checkout(uow.at)

        await self.store.commit(decide)
        return purchase

    async def pay(self, purchase: PurchaseRef, act: Any) -> None:
        """Change the purchase's payment."""
        name = f"{purchase.purchase_id}:{purchase.attempt}"
        await self.store.commit(lambda uow: act(uow.get(Payment, name), uow.at))

    def record_at_stripe(self, purchase: PurchaseRef, captured: int = 0, refunded: int = 0) -> None:
        """Record the captured and refunded amounts at Stripe."""
        net = captured - refunded - (FEE if captured else 0)
        name = purchase.purchase_id
        fee = FEE if captured else 0
        taken = StripePayment(f"pi_{name}", name, "eur", captured, refunded, net, is_open=False, fees_minor=fee)
        self.intents.append(taken)

    async def sell(self, name: str, *, as_leaves: bool = False, **wanted: Any) -> PurchaseRef:
        """Sell two floor tickets and one for the balcony, or the given quantities, through all steps."""
        purchase = await self.placed(name, **wanted)
        await self.sales.extend_hold(ExtendHold(purchase=purchase, hold_until=self.now + timedelta(minutes=20)))
        await self.sales.confirm_seats(purchase)
        seen = await self.purchases.look(name)
        assert seen is not None
        assert seen.price is not None
        total = seen.price.total_minor
        await self.pay(purchase, lambda payment, at: payment.capture("ch", total, FEE, at))
        self.record_at_stripe(purchase, captured=total)
        await self.sales.confirm_order(purchase)
        await self.books.settle_sale(purchase)
        ids = [ticket_id_of(name, 1, number) for number in range(1, sum(wanted.values() or (3,)) + 1)]
        for ticket_id in () if as_leaves else ids:
            await self.mint(purchase, ticket_id)
        if as_leaves:  # of a show that mints each, so that the books are asked for no mint
            await record_leaves(self.store, ids)
            await self.store.commit(lambda uow: uow.get(Order, name).fulfil(uow.at))
        else:
            await self.sales.fulfil_order(purchase)
        return purchase

    async def sell_leaves(self) -> None:
        """Sell two leaves, write their root, let the books owe them no more, and claim one."""
        await open_sample_tree(self.store)
        purchase = await self.sell("leaves", as_leaves=True, floor=1, balcony=1)
        self.roots["mint"] = await write_sample_root(self.store)
        await LeafActivities(self.store).settle_leaves(TreeRef(tenant_id="default", show_id="sh"))
        claimed = ticket_id_of("leaves", 1, 1)
        signed = SIGNED.model_copy(update={"mint_address": f"mint-{claimed}"})
        await self.store.commit(lambda uow: end_leaf(uow, uow.get(Ticket, claimed), "claim"))
        await self.store.commit(lambda uow: uow.get(Ticket, claimed).sign_token(signed, uow.at))
        await self.mint(purchase, claimed)

    async def give_back(self, purchase: PurchaseRef) -> None:
        """Refund a sale: tickets void and burnt, money returned, seats on sale again."""
        name = purchase.purchase_id
        command = RequestRefund(
            tenant_id="default", purchase_id=name, refund_id="rf", body_digest="r", reason="goodwill", fees="venue"
        )
        refund = (await RefundCommands(self.store).request_refund(command)).refund
        taken = self.intents.pop()
        await self.pay_back(refund, taken.captured_minor)
        self.record_at_stripe(purchase, captured=taken.captured_minor, refunded=refund.amount_minor)
        for ticket_id in refund.ticket_ids:
            self.supplies[f"mint-{ticket_id}"] = 0
            await self.store.commit(partial(burn, ticket_id=ticket_id))
        await self.store.commit(lambda uow: add_group_capacity(uow, refund))
        await self.store.commit(lambda uow: restock_seats(uow, refund))

    async def send(self, purchase: PurchaseRef) -> None:
        """Transfer a sale's share to the venue's account, and pay half of it out to its bank."""
        await self.payouts.connect_account(VENUE_REF)
        sent = await self.payouts.transfer_share(purchase)
        taken = next(one for one in self.intents if one.purchase_id == purchase.purchase_id)
        self.intents[self.intents.index(taken)] = taken._replace(net_minor=taken.net_minor - sent.amount_minor)
        await self.pay_out("po_paid", sent.amount_minor // 2)

    async def pay_out(self, payout_id: str, amount_minor: int) -> None:
        """Let Stripe pay a part of the venue's balance out, and follow it."""
        self.connect.payouts[payout_id] = PayoutStatus(
            payout_id=payout_id, status="paid", amount_minor=amount_minor, currency="eur"
        )
        self.connect.balances[ACCOUNT] -= amount_minor
        payout = PayoutRef(account_id=ACCOUNT, payout_id=payout_id, event_id="evt")
        matter = Matter(kind="payout", subject_id=payout.subject_id, **VENUE_REF.model_dump(), account_id=ACCOUNT)
        for _ in range(2):  # Stripe tells it twice
            await FollowUpCommands(self.store).open_follow_up(matter)
            await self.payouts.follow_payout(payout)

    async def move(self, entry_id: str, kind: str, amount_minor: int) -> None:
        """Move money between our own balance and our bank, and book it."""
        movement = OwnMovement(
            entry_id=entry_id, kind=kind, currency="eur", amount_minor=amount_minor, fee_minor=0, at=self.now
        )
        await OwnBalanceCommands(self.store).post_movement(movement)
        self.entries.append(StripeEntry(entry_id, kind, "eur", amount_minor, self.now))

    def outside(self) -> ExternalState:
        """Return the state of the other systems."""
        balance = sum(one.net_minor for one in self.intents) + sum(one.net_minor for one in self.entries)
        return ExternalState(
            self.intents,
            self.supplies,
            ALL_DEADLINES_PASSED,
            running=frozenset(),
            cases={},
            accounts=self.connect.account_balances(),
            entries=self.entries,
            balance_minor={"eur": balance},
            roots=self.roots,
        )

    async def mint(self, purchase: PurchaseRef, ticket_id: str) -> None:
        self.supplies[f"mint-{ticket_id}"] = 1

        def decide(uow: UnitOfWork) -> None:
            uow.get(Ticket, ticket_id).mint_token(f"mint-{ticket_id}", "signature", uow.at)

        await self.store.commit(decide)
        await self.books.settle_mint(MintTicket(purchase=purchase, ticket_id=ticket_id))

    async def claim(self, purchase: PurchaseRef, ticket_id: str) -> None:
        """Claim a token: first for a wallet that is erased, then for one that it reaches."""
        moved = SIGNED.model_copy(update={"mint_address": f"mint-{ticket_id}", "signature": "moved"})
        await self.store.commit(lambda uow: uow.get(Ticket, ticket_id).claim_token("bu_gone", uow.at))
        await self.store.commit(lambda uow: uow.get(Ticket, ticket_id).lapse_claim("no-wallet", uow.at))
        await self.store.commit(lambda uow: uow.get(Ticket, ticket_id).claim_token("bu_holder", uow.at))
        await self.store.commit(lambda uow: uow.get(Ticket, ticket_id).sign_transfer(moved, uow.at))
        await self.store.commit(lambda uow: uow.get(Ticket, ticket_id).finish_claim("moved", uow.at))

    async def enter(self, ticket_id: str) -> None:
        """Let a ticket in, undo it as a mistake, and let it in again."""

        def scan(check_in_id: str) -> Callable[[UnitOfWork], object]:
            entry = DoorEntry(self.now, "North", check_in_id)
            return lambda uow: uow.get(Ticket, ticket_id).enter(uow.get(Show, "sh").at_door, entry, uow.at)

        await self.store.commit(scan("ci_first"))
        await self.store.commit(lambda uow: uow.get(Ticket, ticket_id).undo_entry("ci_first", uow.at))
        await self.store.commit(scan("ci_again"))

    async def end_unsold(self, purchase: PurchaseRef, reason: str = "hold-expired") -> None:
        """Cancel the payment, then the purchase."""
        await self.pay(purchase, lambda payment, at: payment.cancel(at))
        self.record_at_stripe(purchase)
        await self.sales.cancel_order(EndPurchase(purchase=purchase, reason=reason))

    async def refund(self, purchase: PurchaseRef) -> None:
        """Capture a payment that buys nothing, owe it to its buyer and refund it; Stripe keeps its fee."""
        await self.pay(purchase, lambda payment, at: payment.capture("ch", payment.amount_minor, FEE, at))

        def decide(uow: UnitOfWork) -> RefundRef:
            payment = uow.get(Payment, f"{purchase.purchase_id}:1")
            owe_back(uow, payment, ())
            (one,) = uow.get(Refunds, purchase.purchase_id).refunds.values()
            return RefundRef(purchase=purchase, refund_id=one.refund_id, ticket_ids=(), amount_minor=one.amount_minor)

        refund = (await self.store.commit(decide)).value
        await self.sales.cancel_order(EndPurchase(purchase=purchase, reason="purchase-cancelled"))
        await self.pay_back(refund, refund.amount_minor)
        self.record_at_stripe(purchase, captured=refund.amount_minor, refunded=refund.amount_minor)

    async def pay_back(self, refund: RefundRef, captured_minor: int) -> None:
        """Pay a refund at a Stripe that has just this payment."""
        gateway = FakePaymentGateway()
        intent_id = f"pi_{refund.purchase.purchase_id}"
        gateway.intents[intent_id] = IntentState(
            intent_id=intent_id,
            purchase_id=refund.purchase.purchase_id,
            status="succeeded",
            amount_minor=captured_minor,
            received_minor=captured_minor,
            currency="eur",
            client_secret="",
        )
        steps = RefundActivities(self.store, gateway)
        turn = await steps.post_refund(refund)
        await steps.pay_refund(PayRefund(refund=refund, turn=turn))


async def sample_history() -> tuple[list[DomainEvent], ExternalState]:
    """Return all events of the day, and the state of Stripe, the chain and the engine at its end."""
    day = SampleHistory()
    await day.open(tax_bps=1900, tax_inclusive=True, resell_refunded=True)
    await day.prices.create_discount(EARLY)
    await day.send(sold := await day.sell("sold"))
    await day.claim(sold, ticket_id_of("sold", 1, 1))
    await day.enter(ticket_id_of("sold", 1, 2))
    await day.end_unsold(await day.placed("late", floor=1, discount_code="EARLY"))
    confirmed = await day.placed("confirmed-too-early", floor=2)
    await day.sales.confirm_seats(confirmed)
    await day.end_unsold(confirmed, "payment-refused")
    await day.refund(await day.placed("refunded", balcony=1))
    refused = await day.only_requested("again", floor=1)
    await day.sales.cancel_order(EndPurchase(purchase=refused, reason="sold-out"))
    await day.end_unsold(await day.placed("again", floor=1))
    await day.store.commit(lambda uow: uow.get(Allocation, "floor").release("never-came:hold:1", "late", uow.at))
    await day.give_back(await day.sell("given-back", floor=1))
    await day.sell_leaves()
    await day.reserve("let-go", floor=1)
    await day.holds.release("let-go")
    await day.reserve("outside", floor=1)
    await day.holds.confirm("outside")
    await day.move("txn_topup", "topup", 5000)
    await day.move("txn_payout", "payout", -3000)
    assert day.now > AT
    return day.store.log, day.outside()
