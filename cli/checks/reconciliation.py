"""Read every system and check the domain's invariants across them.

The order of reading avoids false alarms in a running system: Temporal, the events, Stripe, the chain, Temporal again,
and at last the events recorded meanwhile. Subjects of those last events, or of a running workflow, are not judged.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from temporalio.service import RPCError

from adapters.event_store.event_pages import EventPages
from adapters.postgres.deployment import DeploymentError, read_deployment
from adapters.solana.rpc.node import WrongChainError
from adapters.solana.supplies import ChainSupplies
from adapters.stripe.errors import StripeRequestError
from adapters.stripe.listing import OwnAccount, StripeListing
from cli.command import UnreadableError
from cli.systems import engine_of, stripe_of
from domain.core.errors import Refusal
from domain.core.ids import Deployment
from domain.core.transient import TransientError
from domain.invariants.cross_system import Quiescence, judge_at_rest, judge_balances
from domain.invariants.invariant import Findings
from domain.invariants.outside import ConnectedBalance, ExternalState
from domain.invariants.own_balance import ANY_PAYOUT
from domain.invariants.per_commit import History
from domain.tickets.leaf import TreeRoot
from settings import Settings
from settings.chain import COMMAND_SECONDS, nodes_of

RESUMED_AFTER = timedelta(seconds=60)  # the relay's delay, and the time that resumed work needs to end
RUNNING = (
    "ExecutionStatus = 'Running' AND WorkflowType IN"
    " ('PurchaseWorkflow', 'PaymentCaseWorkflow', 'HoldWorkflow', 'RefundWorkflow', 'PayoutWorkflow', 'RootsWorkflow')"
)
ENGINE_SECONDS = 30.0
Say = Callable[[str], None]


class Report(NamedTuple):
    """The findings, the judged subjects, and the amounts read."""

    findings: Findings
    stillness: Quiescence
    position: int
    events: int
    commits: int
    payments: int
    foreign: int
    tokens: int


class Work(NamedTuple):
    """Purchases, outside holds and refunds with a running workflow, and the start of each payment's case."""

    running: frozenset[str]
    cases: dict[str, datetime]

    def __or__(self, other: object) -> "Work":
        """Join the observations of two moments."""
        if not isinstance(other, Work):
            return NotImplemented
        return Work(self.running | other.running, self.cases | other.cases)


class Book:
    """The events read so far, and what they break; a look that is given the book of an earlier one goes on from there.

    Events do not change, so what they break stays. That they have not been changed since is known of new ones alone.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin at the first event again."""
        self.findings = Findings()
        self.history = History(self.findings)
        self.position = 0

    def read_to(self, last: int, pages: EventPages, say: Say) -> None:
        """Read the events up to a position."""
        for page in pages.recorded(self.position, last):
            self.history.take(page)
            say(f"{self.history.events} events")
        self.position = max(self.position, last)


async def reconcile(settings: Settings, say: Say, book: Book | None = None) -> Report:
    """Read every system and judge every invariant; raise `UnreadableError` when a system could not be read.

    A book that was being read when an error was raised is not whole: it must not be given again.
    """
    book, findings = book or Book(), Findings()
    with _reading("PostgreSQL", DeploymentError), EventPages(settings.postgres.url) as pages:
        deployment = read_deployment(settings.postgres.url)
        work = await _work(settings, say)
        shown_at, shown = pages.balances()
        if shown_at < book.position:  # the projector is behind what was read: the books of that moment are gone
            book.forget()
        book.history.unmark()
        book.read_to(shown_at, pages, say)
        judge_balances(book.history.state.books, shown, findings)
        book.read_to(pages.head(), pages, say)
        book.history.mark()
        account, venues = await _stripe(settings, deployment, sorted(book.history.state.accounts), say)
        payments = account.payments
        shows = [tree.show_mint for tree in book.history.state.trees.values()]
        addresses = [*book.history.state.holders, *book.history.state.signed]
        supplies, roots = await _on_chain(settings, addresses, shows, say)
        work |= await _work(settings, say)
        work |= Work(pages.owed_accounts(), pages.owed_intents())
        book.read_to(pages.head(), pages, say)
        book.history.settle()
    outside = ExternalState(
        payments,
        supplies,
        datetime.now(UTC),
        running=work.running,
        cases=work.cases,
        accounts=venues,
        entries=account.entries,
        balance_minor=account.balance_minor,
        roots=roots,
        patience=timedelta(seconds=settings.saga.processing_extension_seconds) + RESUMED_AFTER,
    )
    stillness = judge_at_rest(book.history, outside, findings)
    purchases = book.history.state.purchases
    foreign = sum(not payment.is_own(purchases) for payment in payments)
    read = (book.position, book.history.events, book.history.commits, len(payments), foreign, len(supplies))
    return Report(book.findings | findings, stillness, *read)


async def _work(settings: Settings, say: Say) -> Work:
    """List the running workflows in Temporal."""
    say(f"Temporal at {settings.temporal.address}")
    with _reading("Temporal", RPCError, RuntimeError, TimeoutError):
        async with asyncio.timeout(ENGINE_SECONDS):
            client = await engine_of(settings)
            found = [(workflow.id, workflow.start_time) async for workflow in client.list_workflows(RUNNING)]
    named = [(*name.partition("/")[::2], started) for name, started in found]
    kinds = {"purchase", "hold", "refund", "claim", "roots"}
    running = {identity for kind, identity, _ in named if kind in kinds}
    running |= {ANY_PAYOUT for kind, _, _ in named if kind == "payout"}
    return Work(frozenset(running), {identity: started for kind, identity, started in named if kind == "payment-case"})


async def _stripe(
    settings: Settings, deployment: Deployment, account_ids: list[str], say: Say
) -> tuple[OwnAccount, dict[str, ConnectedBalance]]:
    """Read our account at Stripe, with all of its payments, and the balances of the venues' accounts."""
    say(f"Stripe at {settings.stripe.api_base or 'api.stripe.com'}")
    with _reading("Stripe", StripeRequestError, Refusal):
        async with stripe_of(settings, deployment) as client:
            listing = StripeListing(client)
            return await listing.own_account(), await listing.accounts(account_ids)


async def _on_chain(
    settings: Settings, addresses: list[str], shows: list[str], say: Say
) -> tuple[dict[str, int], dict[str, TreeRoot]]:
    """Read the supply at every address that a mint was recorded or signed for, and the roots in the mints of shows."""
    say(f"the chain, {len(addresses)} tokens, {len(shows)} roots")
    chain = ChainSupplies(nodes_of(settings, patience_seconds=COMMAND_SECONDS))
    with _reading("Solana", WrongChainError):
        try:
            return await chain.of(addresses), await chain.roots(shows)
        finally:
            await chain.close()


@contextmanager
def _reading(system: str, *reasons: type[Exception]) -> Iterator[None]:
    """Raise UnreadableError, naming the system, for an error of reading it."""
    kinds: tuple[type[Exception], ...] = (TransientError, *reasons)
    try:
        yield
    except kinds as error:
        raise UnreadableError(f"{system} could not be read: {type(error).__name__}: {error}") from error
