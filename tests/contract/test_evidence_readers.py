"""Readers of `reconcile`: every event once and in order, every payment at Stripe, every token on chain."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
import pytest
from solders.keypair import Keypair

from adapters.database.schema import ensure_schema
from adapters.event_store import event_pages
from adapters.event_store.event_pages import EventPages
from adapters.event_store.store import PostgresEventStore
from adapters.solana import supplies as solana_supplies
from adapters.solana.chain import SolanaTokenChain
from adapters.solana.supplies import ChainSupplies
from adapters.stripe import client as stripe_client
from adapters.stripe.client import StripeClient
from adapters.stripe.connect import StripeConnect
from adapters.stripe.errors import StripeRequestError
from adapters.stripe.listing import StripeListing
from adapters.stripe.payments import StripePayments
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.invariants.outside import ConnectedBalance
from domain.payments.payment_intent import IntentRequest, IntentState
from domain.payouts.connected_account import AccountRequest, TransferOrder
from domain.stock.reservation import Reservation, ReservationMade
from domain.tickets.token import TokenSpec
from tests.contract.event_stores import clock
from tests.devstack.chain.dev_chain import DevChain
from tests.devstack.stripe.emulator import SECRET, Emulator
from tests.fakes.identity import DEPLOYMENT
from tests.fakes.samples import AT, LATER, LINES

PURCHASES = 5
AMOUNT = 2208
FEE = 94
CLOSED_PORT = "postgresql://postgres@127.0.0.1:1/none"


@pytest.fixture(scope="module")
def database(store_server: str) -> str:
    ensure_schema(store_server)
    return store_server


def reservation(name: str) -> Reservation:
    events = {"tenant_id": "default", "show_id": "sh", "lines": LINES}
    return Reservation.begin(ReservationMade, name, AT, until=LATER, ticket_ids=[], **events)


async def test_every_event_is_read_once_and_in_order(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages follow each other up to the given position, and later continue from there."""
    monkeypatch.setattr(event_pages, "PAGE", 2)
    store = PostgresEventStore(database, clock)
    for number in range(PURCHASES):
        await store.commit(partial(UnitOfWork.add, aggregate=reservation(f"r{number}")))
    store.close()
    with EventPages(database) as pages:
        first, rest = list(pages.recorded(0, 3)), list(pages.recorded(3, pages.head()))
        assert [len(page) for page in first + rest] == [2, 1, 2]
        read = [recorded.event for page in first + rest for recorded in page]
        assert [event.originator_id for event in read] == [f"reservation:r{number}" for number in range(PURCHASES)]
        assert list(pages.recorded(pages.head(), pages.head())) == []
        assert pages.head() == PURCHASES


def test_balances_and_unsignalled_payments_are_read(database: str) -> None:
    """The balances come with their position; a marked webhook is not listed."""
    with EventPages(database) as pages:
        assert pages.balances() == (0, {})
    with psycopg.connect(database, autocommit=True) as writer:
        writer.execute("INSERT INTO rm_balances VALUES ('venue:ve:payable', 'eur', 5), ('stripe:clearing', 'eur', -5)")
        writer.execute("UPDATE rm_position SET position = 7")
        for event, done in (("evt_1", None), ("evt_2", AT)):
            statement = "INSERT INTO webhook_inbox (event_id, type, intent_id, digest, signalled_at)"
            writer.execute(f"{statement} VALUES (%s, 't', %s, 'd', %s)", (event, f"pi_{event}", done))
    with EventPages(database) as pages:
        assert pages.balances() == (7, {("venue:ve:payable", "eur"): 5, ("stripe:clearing", "eur"): -5})
        assert list(pages.owed_intents()) == ["pi_evt_1"]
        assert pages.owed_intents()["pi_evt_1"] > AT


def test_a_reader_writes_nothing_and_a_lost_database_is_transient(database: str) -> None:
    """The connection is read-only; an unreachable or lost database is a transient error."""
    with pytest.raises(TransientError, match="ReadOnlySqlTransaction"), EventPages(database) as pages:
        pages._connection.execute("DELETE FROM events")
    with pytest.raises(TransientError, match="PostgreSQL"), EventPages(CLOSED_PORT):
        pass


async def paid(gateway: StripePayments, emulator: Emulator, name: str) -> IntentState:
    """Create a payment, pay it, and capture it."""
    request = IntentRequest(tenant_id="default", purchase_id=name, amount_minor=AMOUNT, currency="eur")
    made = await gateway.create_intent(request, f"{name}:intent:1")
    emulator.confirm(made.intent_id, made.client_secret, "pm_card_visa").raise_for_status()
    return await gateway.capture_intent(made.intent_id, f"{name}:capture:1")


async def test_stripe_lists_every_payment_with_its_net(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Captured, refunded, cancelled and open payments are listed with their net amount, over several pages."""
    monkeypatch.setattr(stripe_client, "PAGE", 2)
    client = StripeClient(SECRET, DEPLOYMENT, base_url=emulator.url)
    gateway = StripePayments(client)
    await paid(gateway, emulator, "sold")
    refunded = await paid(gateway, emulator, "refunded")
    await gateway.refund_intent(refunded.intent_id, AMOUNT, "refunded:refund:1")
    for name in ("open", "cancelled"):
        request = IntentRequest(tenant_id="default", purchase_id=name, amount_minor=AMOUNT, currency="eur")
        made = await gateway.create_intent(request, f"{name}:intent:1")
    await gateway.cancel_intent(made.intent_id, "cancelled:cancel:1")
    disputed = await paid(gateway, emulator, "disputed")
    emulator.switch(f"charges/{disputed.charge_id}/dispute", amount=400)
    account = await StripeListing(client).own_account()
    await client.close()
    fee, dispute_fee = FEE, 2000
    assert {payment.purchase_id: payment[2:7] + payment[8:] for payment in account.payments} == {
        "sold": ("eur", AMOUNT, 0, AMOUNT - fee, False, fee, 0),
        "refunded": ("eur", AMOUNT, AMOUNT, -fee, False, fee, 0),
        "disputed": ("eur", AMOUNT, 0, AMOUNT - 400 - fee - dispute_fee, False, fee + dispute_fee, 400),
        "open": ("eur", 0, 0, 0, True, 0, 0),
        "cancelled": ("eur", 0, 0, 0, False, 0, 0),
    }
    assert account.entries == []
    assert account.balance_minor == {"eur": sum(payment.net_minor for payment in account.payments)}


async def test_stripe_lists_what_belongs_to_no_payment(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Payouts to our bank, their return and top-ups are listed, and are what the worker books."""
    monkeypatch.setattr(stripe_client, "PAGE", 2)
    client = StripeClient(SECRET, DEPLOYMENT, base_url=emulator.url)
    emulator.switch("balance/top_up", amount=5000, currency="jpy")
    emulator.switch("accounts/platform/settle")
    for payout in emulator.switch("accounts/platform/pay_out")["data"]:
        emulator.switch(f"payouts/{payout['id']}/finish", "fail")
    account, movements = await StripeListing(client).own_account(), await StripeListing(client).own_movements(None)
    later = await StripeListing(client).own_movements(datetime.now(UTC) + timedelta(minutes=1))
    await client.close()
    assert {"topup", "payout", "payout_failure"} <= {entry.kind for entry in account.entries}
    assert {(one.entry_id, one.amount_minor - one.fee_minor) for one in movements} == {
        (entry.entry_id, entry.net_minor) for entry in account.entries
    }
    assert later == []


async def test_stripe_tells_the_balances_of_venues(emulator: Emulator) -> None:
    """What was sent and not paid out is there; payouts under way are told; a vanished account is left out."""
    client = StripeClient(SECRET, DEPLOYMENT, base_url=emulator.url)
    connect, taken = StripeConnect(client, "http://127.0.0.1"), await paid(StripePayments(client), emulator, "shared")
    account_id = (await connect.create_account(AccountRequest(venue_id="ve", name="Hall"), "ve:account")).account_id
    share = TransferOrder(
        purchase_id="shared", account_id=account_id, charge_id=taken.charge_id or "", amount_minor=700, currency="eur"
    )
    transfer_id = await connect.transfer(share, "shared:transfer:1")
    await connect.reverse_transfer(transfer_id, 100, "shared:reversal:1")
    listing = StripeListing(client)
    assert await listing.accounts([account_id, "acct_gone"]) == {account_id: ConnectedBalance({"eur": 600}, {})}
    emulator.switch(f"accounts/{account_id}/settle")
    emulator.switch(f"accounts/{account_id}/pay_out")
    told = await listing.accounts([account_id])
    await client.close()
    assert told == {account_id: ConnectedBalance({"eur": 0}, {"eur": 600})}


async def test_a_failed_read_of_stripe_raises(emulator: Emulator) -> None:
    """A missing or wrong key is a configuration error, a lost network a transient error."""
    cases: tuple[tuple[str, str, type[Exception], str], ...] = (
        ("", emulator.url, StripeRequestError, "no Stripe API key is set"),
        ("sk_test_wrong", emulator.url, StripeRequestError, "AuthenticationError"),
        (SECRET, "http://127.0.0.1:1", TransientError, "APIConnectionError"),
    )
    for key, url, error, message in cases:
        client = StripeClient(key, DEPLOYMENT, base_url=url)
        with pytest.raises(error, match=message):
            await StripeListing(client).own_account()
        await client.close()


async def minted(chain: SolanaTokenChain, spec: TokenSpec) -> str:
    """Mint a token and wait until it is final."""
    signed = await chain.sign(spec)
    await chain.send(signed)
    for _ in range(400):
        if await chain.fate(signed.signature) == "finalized":
            return signed.mint_address
        await asyncio.sleep(0.05)
    raise AssertionError(f"{spec.kind} did not land")


async def test_the_chain_returns_each_tokens_supply(dev_chain: DevChain, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ticket has one, a group none; addresses without a mint and invalid addresses are left out."""
    monkeypatch.setattr(solana_supplies, "ACCOUNTS_MAX", 2)
    chain = SolanaTokenChain(dev_chain.url, bytes(Keypair()), b"secret", str(Keypair().pubkey()))
    dev_chain.fund(chain.payer_address)
    words = {"name": "N", "symbol": "S", "uri": "u"}
    venue = await minted(chain, TokenSpec(kind="venue", subject_id="v", max_size=5, **words))
    show = await minted(chain, TokenSpec(kind="show", subject_id="s", max_size=5, group_address=venue, **words))
    ticket = await minted(chain, TokenSpec(kind="ticket", subject_id="t", group_address=show, **words))
    supplies = ChainSupplies(dev_chain.url)
    addresses = ["no address", venue, str(Keypair().pubkey()), ticket, chain.payer_address]
    assert await supplies.of(addresses) == {venue: 0, ticket: 1}
    await supplies.close()
    await chain.close()
    away = ChainSupplies("http://127.0.0.1:1")
    with pytest.raises(TransientError):
        await away.of([ticket])
    await away.close()
