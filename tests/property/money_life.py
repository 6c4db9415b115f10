"""A life: money events in a town, judged after each one and as a whole at the end."""

from collections import Counter
from functools import partial

from activities.books.post import loss_key
from activities.payouts.ports import VenueRef
from activities.sales.payment_lookup import find_payment
from domain.core.unit_of_work import UnitOfWork
from domain.money.statement import balance_of
from domain.payments.dispute import Dispute
from domain.payouts.payee import Payee
from domain.payouts.transfer import Transfer
from tests.fakes.recomputed import folded, venue_sums
from tests.fakes.samples import state_of
from tests.fakes.shop_world import MemoryReads
from tests.property.money_events import (
    EndPayout,
    EndRefund,
    Event,
    FollowPayout,
    LookAtDispute,
    Pay,
    PayByHand,
    ReverseShare,
    SendShare,
    Settle,
)
from tests.property.money_model import Sale, Terms
from tests.property.money_town import Town, nonzero
from tests.property.money_venues import apply_event
from tests.property.stripe_ledger import check_against_stripe


async def run_life(terms: tuple[Terms, Terms], events: list[Event]) -> Counter[str]:
    """Run all events; compare program and model after each, and once more after all webhooks. Return the reached."""
    town = Town(terms)
    await town.open()
    reads = MemoryReads(town.store)
    for event in events:
        await apply_event(town, event)
        check_books(town)
        reads.catch_up()
        town.reached[type(event).__name__] += 1
    reached = town.reached.copy()  # before the end, which is the same for all
    await finish_all(town)
    check_books(town)
    check_against_stripe(town)
    await check_strays(town)
    check_read_models(town, reads)
    await check_debts(town)
    for number in range(len(town.sales_made)):  # once all due shares are sent, only debts are pending
        await apply_event(town, SendShare(number, refused=False, how="once"))
    await check_debts(town)
    check_replay(town)
    return reached


def check_books(town: Town) -> None:
    """Compare every account with the model."""
    assert nonzero(town.posted()) == nonzero(town.expected())


def check_replay(town: Town) -> None:
    """Compare the aggregates, kept between commits, with those built from the stored events."""
    for stream, kept in town.store.kept().items():
        stored = town.store.load(stream)
        assert stored is not None
        assert state_of(kept) == state_of(stored)


async def finish_all(town: Town) -> None:
    """Reach every account again, and deliver all webhooks: sales, disputes and payouts, refunds, shares."""
    town.connect.vanished.clear()
    for number, account_id in enumerate(town.account_of):
        seen = await town.payouts.connect_account(VenueRef(tenant_id="default", venue_id=f"ve{number}"))
        assert seen.account_id == account_id
    for number in range(len(town.sales_made)):
        await apply_event(town, Settle(number, "once"))
    await send_again(town)
    for number in range(len(town.claims())):
        await apply_event(town, LookAtDispute(number, "once"))
    await send_again(town)
    for number, (_, back) in enumerate(town.backs()):
        for _ in range(3):
            await apply_event(town, EndRefund(number, succeed=True))
            await apply_event(town, Pay(number, "succeeded", "once"))
        if back.due and not back.paid:  # Stripe has no money of this charge left
            await apply_event(town, PayByHand(number, "once"))
        assert back.paid or not back.due
        await apply_event(town, ReverseShare(number, "once"))
    for number in range(len(town.payouts_made)):
        await apply_event(town, EndPayout(number, arrives=True))
        await apply_event(town, FollowPayout(number, "once"))


async def send_again(town: Town) -> None:
    """SendShare the shares that Stripe refused before, or that a dispute delayed."""
    for number, sale in enumerate(town.sales_made):
        if town.requested(sale):
            await apply_event(town, SendShare(number, refused=False, how="once"))


async def check_strays(town: Town) -> None:
    """A payment that bought nothing is owed while its buyer is, and refunded else, whoever has paid."""
    for stray in town.strays:
        find = partial(find_payment, purchase_id=stray.purchase.purchase_id, intent_id=stray.intent_id)
        payment = await town.store.read(find)
        assert payment is not None
        assert payment.state == ("owed" if stray.due else "refunded")


async def check_debts(town: Town) -> None:
    """Compare a venue's pending balance with its unsent shares, less its debt to us."""
    due = Counter[int]()
    for sale in town.sales_made:
        if sale.tender == "card":  # of cash the venue has all, and owes our part of it
            due[sale.venue] += await town.store.read(partial(unsent_share, sale=sale))
    for number, terms in enumerate(town.terms):
        payee = await town.store.read(partial(UnitOfWork.get, kind=Payee, identity=f"ve{number}"))
        owes = payee.owed_minor.get(terms.currency, 0)
        assert town.posted()[f"venue:ve{number}:payable", terms.currency] == due[number] - owes


def unsent_share(uow: UnitOfWork, sale: Sale) -> int:
    """Return the part of a sale that waits for its transfer; one that Stripe refused is with us again.

    What was decided since the refusal is deducted at the next try.
    """
    held = -sum(claim.parts.venue for claim in sale.claims.values() if claim.state == "open")
    transfer = uow.find(Transfer, sale.purchase_id)
    if transfer is None:
        held += sale.split.venue - sum(back.of_venue for back in sale.backs)
        return held - sum(claim.parts.venue for claim in sale.claims.values() if claim.state == "lost")
    if transfer.state != "refused":
        return held
    payee, since = uow.get(Payee, transfer.venue_id), transfer.refund_ids
    lost = [name for name, claim in sale.claims.items() if claim.state == "lost" and loss_key(name) not in payee.keys]
    held += transfer.lost_minor - sum(uow.get(Dispute, name).deducted_minor for name in lost)
    return held + transfer.amount_minor - sum(back.of_venue for back in sale.backs if back.refund_id not in since)


def check_read_models(town: Town, reads: MemoryReads) -> None:
    """Compare the read models, folded on the way, with a fold of all events, and balances with the model."""
    again, kept, expected = folded(enumerate(town.store.log, start=1)), reads.catch_up(), town.expected()
    assert kept.changed() == again.changed()
    assert (kept.postings, kept.timeline, kept.outgoing) == (again.postings, again.timeline, again.outgoing)
    names = {"pending": "payable", "available": "transferred", "reserved": "reserved", "paid_out": "paid-out"}
    for number, terms in enumerate(town.terms):
        venue = f"ve{number}"
        for balance in balance_of(venue_sums(kept, venue), venue):
            for name, account in names.items():
                assert dict(balance)[f"{name}_minor"] == expected[f"venue:{venue}:{account}", terms.currency]
