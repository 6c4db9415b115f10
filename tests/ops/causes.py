"""The cause of each alert, made in the product: `watched` then shows it, or has shown it minute by minute."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, NamedTuple, cast

import httpx
import psycopg
import pytest
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0
from temporalio.testing import ActivityEnvironment

from activities.catalog.prices import ChangeShow, PriceCommands
from activities.catalog.register import CatalogCommands, RegisterVenue
from activities.core.task_queues import PURCHASES
from activities.payouts.ports import VenueRef
from activities.sales.letters.send import DueLetters, LetterActivities, ListLetters
from adapters.database.startup import utc_now
from adapters.postgres.letters import PostgresLetters
from adapters.postgres.tables import PostgresWebhookInbox
from adapters.privacy.buyers import PostgresBuyers, Sealing
from adapters.privacy.letters.writer import TemplateWriter
from adapters.solana.rpc.node import FAILURES_MAX
from adapters.solana.signer.guard import UNLIMITED, GuardedSigner
from adapters.solana.signer.keys import LocalSigner
from adapters.solana.signer.policy import SigningRefusedError
from adapters.stripe.errors import StripeRequestError
from adapters.temporal.metrics import show_refused_signature
from cli.checks.reconcile import tell
from domain.core.transient import TransientError
from domain.invariants.invariant import WHOLE_BALANCE
from domain.money.money import FeeRates
from domain.orders.personal_data import PersonalData
from domain.payments.webhook_event import WebhookEvent
from domain.views.outgoing.endpoint import ReceiverAnswer
from domain.views.outgoing.letters import MailAnswer
from tests.cli.test_reconcile import report_of
from tests.contract.key_worlds import Keys
from tests.contract.selling import sell
from tests.devstack.chain.dev_chain import pay
from tests.fakes.corrupted_history import LATE, with_payment
from tests.fakes.engines import skipping_server
from tests.fakes.letter_box import CODES, LINKS, FakeMailServer, print_nothing
from tests.fakes.world import SagaWorld
from tests.ops.prometheus import JOB
from tests.ops.watched import LOW_LAMPORTS, Watched, shown, until
from tests.workflows.test_deliveries import created, many, needing_an_operator
from tests.workflows.test_deliveries import start as start_deliveries
from workflows.payment_case import CaseInput, PaymentCaseWorkflow
from workflows.payouts import TransfersInput, TransfersWorkflow
from workflows.refund import RefundInput, RefundWorkflow

Make = Callable[[Watched], Awaitable[None]]


class Cause(NamedTuple):
    """What makes an alert fire, the labels that it has then, and the alerts that the same cause fires besides."""

    make: Make
    labels: dict[str, str]
    others: dict[str, dict[str, str]]


CAUSES: dict[str, Cause] = {}
OF_REFUND = {"workflow": "RefundWorkflow"}
HOURS = 3600.0
GOOD_MINUTES = 15  # of an API, before its requests fail


def cause_of(alert: str, labels: dict[str, str] | None = None, **others: dict[str, str]) -> Callable[[Make], Make]:
    """Register the cause of an alert."""

    def register(make: Make) -> Make:
        CAUSES[alert] = Cause(make, labels or {}, others)
        return make

    return register


async def sale(watched: Watched) -> str:
    """Sell two tickets by the real workflows; return the id of the payment."""
    world, client = watched.world, watched.client
    await world.open_show()
    handle, _ = await world.buy(client)
    intent_id = await world.intent_id()
    world.gateway.pay(intent_id)
    await handle.signal("look_again")
    assert (await handle.result()).outcome == "fulfilled"
    return intent_id


@asynccontextmanager
async def refund_that_needs_somebody(watched: Watched) -> AsyncIterator[None]:
    """Stripe answers a refund with what nobody knows."""
    async with watched.world.running():
        watched.world.gateway.broken.add(await sale(watched))
        await begin_refund(watched)
        await shown(watched, "NeedsOperator")
        yield


async def begin_refund(watched: Watched) -> None:
    refund = await watched.world.decide_refund()
    start = RefundInput(refund=refund, poll_seconds=1)
    await watched.client.start_workflow(
        RefundWorkflow.run, start, id=f"refund/{refund.refund_id}", task_queue=PURCHASES
    )


@cause_of("NeedsOperator", OF_REFUND)
async def a_bug_in_a_refund(watched: Watched) -> None:
    async with refund_that_needs_somebody(watched):
        watched.minute()


@cause_of("StuckForAnHour", NeedsOperator=OF_REFUND)
async def a_bug_for_an_hour(watched: Watched) -> None:
    async with refund_that_needs_somebody(watched):
        watched.lead = timedelta(minutes=61)
        await watched.look()
        watched.minute()


@cause_of("WorkflowTasksFail")
async def a_workflow_that_no_build_can_read(watched: Watched) -> None:
    """Its input is not that of its kind."""
    async with watched.world.running():
        await watched.client.start_workflow("RefundWorkflow", 1, id="refund/bad", task_queue=PURCHASES)
        await shown(watched, "WorkflowTasksFail")
        watched.minute()


@cause_of("LatePaymentsOpen")
async def a_stray_payment(watched: Watched) -> None:
    """A payment of a purchase that is open arrives, which is not its own."""
    world = watched.world
    async with world.running():
        await world.open_show()
        handle, _ = await world.buy(watched.client)
        purchase = await world.ref()
        case = CaseInput(purchase=purchase, intent_id="pi_stray", venue_id="ve")
        await watched.client.start_workflow(
            PaymentCaseWorkflow.run, case, id="payment-case/pi_stray", task_queue=PURCHASES
        )
        await shown(watched, "LatePaymentsOpen")
        watched.minute()
        await handle.terminate()


@cause_of("RefundsFailed", NeedsOperator=OF_REFUND)
async def a_refund_that_fails(watched: Watched) -> None:
    """The buyer's card is closed."""
    async with watched.world.running():
        await sale(watched)
        watched.world.gateway.refuse("refund_intent", "charge_for_pending_refund_disputed")
        await begin_refund(watched)
        await shown(watched, "NeedsOperator")
        await shown(watched, "RefundsFailed")
        watched.minute()


@cause_of("CentsUnexplained", {"currency": "eur"}, InvariantBroken={"invariant": WHOLE_BALANCE.name})
async def cents_that_no_book_has(watched: Watched) -> None:
    """Stripe's balance has three cents more than the books."""
    outside = watched.day.outside
    assert outside.balance_minor is not None
    more = {**outside.balance_minor, "eur": outside.balance_minor["eur"] + 3}
    tell(report_of(watched.day._replace(outside=outside._replace(balance_minor=more))), watched.reconciled)
    watched.minute()


@cause_of("InvariantBroken", {"invariant": "money-has-an-owner"})
async def money_without_an_owner(watched: Watched) -> None:
    """A payment of a cancelled order was captured."""
    tell(report_of(with_payment(watched.day, LATE, captured_minor=500)), watched.reconciled)
    watched.minute()


@cause_of("NotReconciled")
async def no_reconciliation_for_five_hours(watched: Watched) -> None:
    watched.clock.at += 5 * HOURS
    await watched.look()  # everything else goes on
    watched.minute()


@cause_of("PaidAndNotMinted")
async def a_chain_that_takes_nothing(watched: Watched) -> None:
    """Tickets are sold and settled, and the chain is away."""
    world = watched.world
    async with world.running():
        await world.open_show()
        world.chain.fail_before("sign", 1_000)
        handle, _ = await world.buy(watched.client)
        world.gateway.pay(await world.intent_id())
        await handle.signal("look_again")
        await shown(watched, "PaidAndNotMinted")
        watched.minute()
        await handle.terminate()


@cause_of("NoSolanaNodeWell")
async def ill_nodes(watched: Watched) -> None:
    """Each node answers with a fault until its circuit opens."""
    watched.answer_balance(500, "")
    for _ in range(FAILURES_MAX + 1):
        with suppress(TransientError):
            await watched.call_nodes()
    watched.minute()


@cause_of("MintingPaused")
async def a_payer_without_money(watched: Watched) -> None:
    """It has less than its mark, by its balance on chain."""
    await watched.spend(4 * LOW_LAMPORTS + LOW_LAMPORTS // 2)
    watched.minute()


@cause_of("SignatureRefused")
async def a_message_that_is_not_allowed(watched: Watched) -> None:
    """Somebody wants the payer to pay another account: the first refusal of this process."""
    keys = Keys(payer=watched.payer)
    signer = LocalSigner([keys.payer, keys.issuer, keys.delegate, keys.custody])
    guard = GuardedSigner(keys.addresses(), signer, time.monotonic, UNLIMITED, show_refused_signature)
    theft = pay(keys.payer, Keypair().pubkey(), LOW_LAMPORTS)
    message = MessageV0.try_compile(keys.payer.pubkey(), [theft], [], Hash.default())
    with pytest.raises(SigningRefusedError):
        await watched.in_activity(lambda: guard.sign(message))
    watched.minute()


@cause_of("ReadModelsBehind")
async def a_projector_that_waits(watched: Watched) -> None:
    """A transaction holds the position's row, so that new events are not folded."""
    with psycopg.connect(watched.url) as holding:
        holding.execute("SELECT position FROM rm_position FOR UPDATE")
        await sell(watched.store)
        await asyncio.sleep(0.5)  # the projector's present look at an empty log is over
        watched.clock.at += 60
        await watched.figures.read()
        watched.minute()


@cause_of("WebhooksWaiting")
async def a_webhook_that_nobody_acts_on(watched: Watched) -> None:
    """It has waited for ten minutes."""
    event = {"event_id": "evt_1", "type": "payment_intent.succeeded", "object_id": "pi_1", "intent_id": "pi_1"}
    told = WebhookEvent.model_validate({**event, "purchase_id": None, "created": None, "digest": "d"})
    await PostgresWebhookInbox(watched.pool).store(told)
    watched.age("webhook_inbox", "received_at", timedelta(minutes=10))
    await watched.look()
    watched.minute()


@cause_of("WebhookEndpointSwitchedOff")
async def an_endpoint_that_fails_for_days(watched: Watched) -> None:
    """Its workflow runs on a server that skips the days, over this process's events."""
    async with await skipping_server() as server:
        world = SagaWorld(server, cast(Any, watched.store))
        world.told += many()
        world.receiver.answers = lambda _, __: ReceiverAnswer(None, "ClientConnectorError")
        async with world.running():
            await created(world)
            await needing_an_operator(world, await start_deliveries(server.client))
    await watched.restart()
    watched.minute()


class Letters:
    """A buyer of a show whose details change so often, which is a letter each."""

    def __init__(self, watched: Watched) -> None:
        self.mail = FakeMailServer()
        self._watched = watched
        self._buyers = PostgresBuyers(watched.pool, Sealing({}, "s" * 32))
        writer = TemplateWriter(LINKS, print_nothing)
        log = PostgresLetters(watched.pool)
        self._work = LetterActivities(watched.store, log, self._buyers, CODES, writer, self.mail, clock=utc_now)

    async def due(self, changes: int) -> DueLetters:
        """Sell, and change the show; return the letters that are due."""
        await self._work.list_due(ListLetters(limit=1))  # what was before leads to no letter
        await self._buyers.keep("bu_1", "default", "pu_1", PersonalData(email="ann@example.org"), ("al_1",))
        await sell(self._watched.store)
        prices = PriceCommands(self._watched.store)
        for number in range(changes):
            change = ChangeShow(show_id="sh_1", prices={}, window={}, details={"place": f"Hall {number}"})
            await prices.change_show(change)
        await self._watched.look()
        return await self._work.list_due(ListLetters(limit=100))

    async def send(self, due: DueLetters) -> None:
        """Send them, and those that waited for them: a purchase's letters go one after the other."""
        while due.letters:
            for one in due.letters:
                await self._work.send(one)
            due = await self._work.list_due(ListLetters(limit=100))


@cause_of("LettersWaiting")
async def a_letter_that_nobody_sends(watched: Watched) -> None:
    """It has been due for forty minutes."""
    await Letters(watched).due(0)
    watched.age("letters", "due_at", timedelta(minutes=40))
    await watched.look()
    watched.minute()


@cause_of("LettersSetAside", {"state": "refused"})
async def letters_that_no_server_takes(watched: Watched) -> None:
    """The mail server refuses more than ten for good."""
    letters = Letters(watched)
    letters.mail.answers = lambda _, __: MailAnswer("refused", "550 5.7.1")
    await letters.send(await letters.due(12))
    await watched.look()
    watched.minute()


@cause_of("SubjectsSetAside", {"loop": "send shares"})
async def a_share_that_fails(watched: Watched) -> None:
    """Stripe answers the transfer of a share with what nobody knows: its order is set aside."""
    world = SagaWorld(watched.env)
    async with world.running():
        await world.open_show()
        handle, _ = await world.buy(watched.client)
        world.gateway.pay(await world.intent_id())
        await handle.signal("look_again")
        await handle.result()
        venue = VenueRef(tenant_id="default", venue_id="ve")
        await ActivityEnvironment().run(world.payouts.connect_account, venue)
        world.connect.broken[(await world.ref()).purchase_id] = StripeRequestError("an answer that nobody knows")
        start = TransfersInput(delay_seconds=0, minimum_minor=1)
        await watched.client.execute_workflow(TransfersWorkflow.run, start, id="transfers", task_queue=PURCHASES)
    await watched.restart()
    await shown(watched, "SubjectsSetAside")
    watched.minute()


@cause_of("CommitQueueLong")
async def a_database_that_stops(watched: Watched) -> None:
    """Another session holds the table of events, and callers go on asking."""
    catalog = CatalogCommands(watched.store)

    async def register(number: int) -> None:
        with suppress(TransientError):
            venue = {"tenant_id": "default", "venue_id": f"ve_{number}", "name": "Hall", "body_digest": "d"}
            await catalog.register_venue(RegisterVenue.model_validate({**venue, "rates": FeeRates()}))

    with psycopg.connect(watched.url) as holding:
        holding.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        asking = [asyncio.create_task(register(0))]
        await asyncio.sleep(0.5)  # the committer takes all that wait: one it has, and the others stay in line
        asking += [asyncio.create_task(register(number)) for number in range(1, 1_200)]
        await until(lambda: watched.store.pending > 1_000)
        watched.minute()
        holding.rollback()
        await asyncio.gather(*asking)


@cause_of("FiguresOld")
async def figures_that_cannot_be_read(watched: Watched) -> None:
    """The worker's connections to its database are gone for five minutes."""
    await watched.pool.close()
    watched.clock.at += 300
    await watched.figures.read()
    await asyncio.sleep(0.5)  # the projector goes on
    watched.minute()


@cause_of("ProcessAway", JOB)
async def a_process_that_ended(watched: Watched) -> None:
    """Nobody answers at its address."""
    watched.server.close()
    watched.minute()


@cause_of("RequestsFail")
async def an_api_without_its_database(watched: Watched) -> None:
    """One of ten requests is answered with a fault, minute by minute; before, none of them was."""
    for minute in range(2 * GOOD_MINUTES):
        for number in range(10):
            fails = minute >= GOOD_MINUTES and number == 0
            watched.api.store.refuse_connections = int(fails)
            headers = {"Idempotency-Key": f"venue-{minute}-{number}"}
            answer = await watched.http.post("/api/v1/venues", json={"name": "Hall"}, headers=headers)
            assert (answer.status_code == httpx.codes.SERVICE_UNAVAILABLE) is fails, answer.text
        watched.minute()
