"""The checks of the doctor: each finds one kind of fault, and names its remedy."""

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, TypeVar

from cli.checks.doctor.examined import Examined, Stripe
from domain.payments.webhook_event import SUBSCRIBED, SUBSCRIBED_CONNECT

MAINNET = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
LAMPORTS_MIN = 500_000_000  # about a hundred mints
CHAIN_SECONDS_MAX = 60.0
BEHIND_SECONDS_MAX = 30.0
CLOCK_SECONDS_MAX = 2.0
WEBHOOK_SECONDS_MAX = 120.0
NAMED_MAX = 5
MIGRATE = "boxoffice migrate"
WEBHOOKS = {"/webhooks/stripe": SUBSCRIBED, "/webhooks/stripe/connect": SUBSCRIBED_CONNECT}

T = TypeVar("T")
Severity = Literal["error", "warning"]


class Finding(NamedTuple):
    """Something that is wrong: the check that found it, its subject, the fault, and the way out."""

    check: str
    severity: Severity
    subject: str
    fault: str
    remedy: str


DoctorCheck = Callable[[Examined], Iterator[Finding]]
CHECKS: list[DoctorCheck] = []


def check(function: DoctorCheck) -> DoctorCheck:
    """Declare a check; its name is that of the function."""
    CHECKS.append(function)
    return function


def findings(seen: Examined) -> list[Finding]:
    """Return everything that is wrong, errors first."""
    found = [finding for one in CHECKS for finding in one(seen)]
    return sorted(found, key=lambda finding: finding.severity)


@check
def unread(seen: Examined) -> Iterator[Finding]:
    """Report every system that could not be read."""
    for name, why in seen.unread.items():
        yield Finding("unread", "error", name, why, "see that it runs, and that the settings name it")


@check
def unsafe_settings(seen: Examined) -> Iterator[Finding]:
    """Report settings that a process would refuse in production."""
    for fault in seen.faults:
        yield Finding("unsafe_settings", "error", fault.setting, fault.why, "correct the setting")


@check
def pollers(seen: Examined) -> Iterator[Finding]:
    """Report queues that nobody polls, or only a build that gets no work."""
    for engine in _of(seen.engine):
        for queue in engine.queues:
            wanted = {"activities": queue.activities}
            if queue.has_workflows:
                wanted["workflows"] = queue.workflows
            for kind, builds in wanted.items():
                if not builds:
                    remedy = f"start a worker: python -m worker --queues {queue.name}"
                    yield Finding("pollers", "error", queue.name, f"no worker polls it for {kind}", remedy)
                elif engine.current_build and engine.current_build not in builds:
                    fault = f"polled for {kind} by {', '.join(sorted(builds))}, not by {engine.current_build}"
                    yield Finding("pollers", "error", queue.name, fault, "start workers of the current build")


@check
def current_build(seen: Examined) -> Iterator[Finding]:
    """Report a deployment without a current build: its workers get no work."""
    for engine in _of(seen.engine):
        if engine.current_build is None:
            remedy = (
                f"temporal worker deployment set-current-version --deployment-name {engine.deployment} --build-id B"
            )
            yield Finding("current_build", "error", engine.deployment, "no build is the current one", remedy)


@check
def search_attributes(seen: Examined) -> Iterator[Finding]:
    """Report search attributes that the namespace does not know: workflows fail without them."""
    for engine in _of(seen.engine):
        for name in sorted(engine.missing_attributes):
            remedy = "boxoffice search-attributes --create"
            yield Finding("search_attributes", "error", name, "the namespace does not know it", remedy)


@check
def schedules(seen: Examined) -> Iterator[Finding]:
    """Report schedules that are paused or missing."""
    for engine in _of(seen.engine):
        for name in engine.paused_schedules:
            yield Finding("schedules", "warning", name, "is paused", f"temporal schedule toggle --unpause -s {name}")
        for name in engine.missing_schedules:
            yield Finding("schedules", "error", name, "does not exist", "start a worker of the queue purchases")


@check
def operators(seen: Examined) -> Iterator[Finding]:
    """Report workflows that wait for an operator."""
    for engine in _of(seen.engine):
        if engine.need_operator:
            fault = f"{engine.need_operator} workflows need an operator"
            yield Finding("operators", "warning", "Temporal", fault, "see the runbook: NeedsOperator = true")


@check
def workflow_tasks(seen: Examined) -> Iterator[Finding]:
    """Report workflows that stand still, because their task fails again and again."""
    for engine in _of(seen.engine):
        for workflow_id in engine.failing:
            remedy = f"temporal workflow show -w {workflow_id}, then the runbook: a stuck workflow task"
            yield Finding(
                "workflow_tasks", "error", workflow_id, "stands still: its task fails again and again", remedy
            )


@check
def emulators(seen: Examined) -> Iterator[Finding]:
    """Report emulators, which no production may have."""
    if not seen.is_production:
        return
    for found in _of(seen.stripe):
        if not found.is_stripe:
            remedy = "set BOXOFFICE_STRIPE__API_BASE to https://api.stripe.com"
            yield Finding("emulators", "error", "Stripe", "an emulator takes the payments", remedy)
    for chain in _of(seen.chain):
        if chain.genesis != MAINNET:
            fault = f"the chain is not mainnet: its genesis is {chain.genesis}"
            yield Finding("emulators", "error", "Solana", fault, "set BOXOFFICE_SOLANA__RPC_URL to nodes of mainnet")


@check
def webhook_endpoints(seen: Examined) -> Iterator[Finding]:
    """Report endpoints that are not registered at Stripe, are disabled, or lack events that have a handler."""
    for found in _of(seen.stripe):
        for path, wanted in WEBHOOKS.items():
            yield from _endpoint(found, path, frozenset(wanted))


def _endpoint(found: Stripe, path: str, wanted: frozenset[str]) -> Iterator[Finding]:
    url = found.public_url.rstrip("/") + path
    ours = [one for one in found.endpoints if one.url == url]
    if not ours:
        yield Finding("webhook_endpoints", "error", url, "is not registered at Stripe", "register it (docs/stripe.md)")
        return
    events = frozenset[str]().union(*(one.events for one in ours if one.is_enabled))
    if not events:
        yield Finding("webhook_endpoints", "error", url, "is disabled at Stripe", "enable it in the dashboard")
    elif "*" not in events and (lacking := wanted - events):
        fault = f"does not get {', '.join(sorted(lacking))}"
        yield Finding("webhook_endpoints", "error", url, fault, "add these events to the endpoint")


@check
def never_delivered(seen: Examined) -> Iterator[Finding]:
    """Report webhooks that Stripe could not deliver, or that reached no workflow."""
    for found in _of(seen.stripe):
        if found.undelivered:
            fault = f"Stripe could not deliver {found.undelivered} events of the last day"
            yield Finding("never_delivered", "warning", "Stripe", fault, "look at the endpoint's log in the dashboard")
    for database in _of(seen.database):
        if database.oldest_webhook_seconds > WEBHOOK_SECONDS_MAX:
            fault = f"{database.waiting_webhooks} stored webhooks wait, for {database.oldest_webhook_seconds:.0f} s"
            yield Finding("never_delivered", "error", "webhook_inbox", fault, "see that a worker runs its relay")


@check
def receivers(seen: Examined) -> Iterator[Finding]:
    """Report webhook endpoints of tenants that were switched off, since they took nothing for days."""
    for database in _of(seen.database):
        for name in database.switched_off:
            fault = "took nothing for three days, or answered 410, and is switched off"
            remedy = f"ask its tenant, then boxoffice operator retry-now webhooks/{name}"
            yield Finding("receivers", "warning", name, fault, remedy)


@check
def pinned_chain(seen: Examined) -> Iterator[Finding]:
    """Report another chain than the one that this database's tokens are on."""
    for chain in _of(seen.chain):
        if chain.pinned is not None and chain.pinned != chain.genesis:
            fault = f"the node's genesis is {chain.genesis}, the tokens are on {chain.pinned}"
            yield Finding("pinned_chain", "error", "Solana", fault, "correct BOXOFFICE_SOLANA__RPC_URL")


@check
def chain_stands_still(seen: Examined) -> Iterator[Finding]:
    """Report a node whose newest block is old."""
    for chain in _of(seen.chain):
        if chain.age_seconds > CHAIN_SECONDS_MAX:
            fault = f"the newest finalized block is {chain.age_seconds:.0f} s old"
            yield Finding("chain_stands_still", "error", "Solana", fault, "use a node that is in step")


@check
def programs(seen: Examined) -> Iterator[Finding]:
    """Report programs that minting needs and the chain does not have."""
    for chain in _of(seen.chain):
        for program in chain.missing_programs:
            yield Finding("programs", "error", program, "the chain has no such program", "use another chain")


@check
def payer(seen: Examined) -> Iterator[Finding]:
    """Report an issuer that cannot pay for many more transactions."""
    for chain in _of(seen.chain):
        if chain.payer_lamports is not None and chain.payer_lamports < LAMPORTS_MIN:
            fault = f"holds {chain.payer_lamports} lamports; less than {LAMPORTS_MIN}"
            yield Finding("payer", "error", chain.payer, fault, "send it SOL: nothing is minted without")


@check
def groups(seen: Examined) -> Iterator[Finding]:
    """Report shows and venues whose group is not on chain."""
    for chain in _of(seen.chain):
        for name in chain.missing_groups:
            fault = "is on sale, but its group is not on chain"
            yield Finding("groups", "error", name, fault, "stop its sale; boxoffice reconcile tells what was minted")
    for database in _of(seen.database):
        for name in database.tokenless:
            fault = "was registered an hour ago or more, and is not on chain"
            yield Finding("groups", "error", name, fault, "see its workflow: show/ID or venue/ID")


@check
def pins(seen: Examined) -> Iterator[Finding]:
    """Report metadata that no IPFS node has pinned."""
    for database in _of(seen.database):
        if seen.pins and database.unpinned:
            fault = f"{database.unpinned} files of metadata are not pinned"
            yield Finding("pins", "warning", "IPFS", fault, "see the schedule pinning and the worker of the queue ipfs")


@check
def lag(seen: Examined) -> Iterator[Finding]:
    """Report read models that are behind, and purchases past their end."""
    for database in _of(seen.database):
        if database.seconds_behind > BEHIND_SECONDS_MAX:
            fault = f"is {database.events_behind} events behind, since {database.seconds_behind:.0f} s"
            yield Finding("lag", "error", "projector", fault, "start it: python -m projector")
        if overdue := database.overdue_purchases:
            more = f" and {len(overdue) - NAMED_MAX} more" if len(overdue) > NAMED_MAX else ""
            fault = f"past their time to pay and not ended: {', '.join(overdue[:NAMED_MAX])}{more}"
            yield Finding("lag", "error", "purchases", fault, "see that workers run; then boxoffice purchase show ID")


@check
def letters(seen: Examined) -> Iterator[Finding]:
    """Report letters to buyers that are late, and those that nobody took in the last week."""
    for database in _of(seen.database):
        if database.late_letters:
            fault = f"{database.late_letters} letters have been due for ten minutes or more"
            yield Finding("letters", "error", "letters", fault, "see the workflow letters, and the mail server")
        if aside := database.set_aside_letters:
            more = f" and {len(aside) - NAMED_MAX} more" if len(aside) > NAMED_MAX else ""
            fault = f"were not taken, for {', '.join(aside[:NAMED_MAX])}{more}"
            remedy = "correct the buyer's address, then boxoffice letters resend PURCHASE (docs/letters.md)"
            yield Finding("letters", "warning", "letters", fault, remedy)


@check
def clock(seen: Examined) -> Iterator[Finding]:
    """Report clocks that differ: holds and webhooks are judged by them."""
    for database in _of(seen.database):
        if abs(database.clock_seconds) > CLOCK_SECONDS_MAX:
            fault = f"its clock is {database.clock_seconds:+.1f} s from this machine's"
            yield Finding("clock", "error", "PostgreSQL", fault, "synchronise both clocks (NTP)")


@check
def pooler(seen: Examined) -> Iterator[Finding]:
    """Report a pooler that gives each transaction another session."""
    for database in _of(seen.database):
        if not database.keeps_sessions:
            fault = "a pooler gives each transaction another session: locks and time limits are lost"
            remedy = "use pool_mode = session, or connect without it"
            yield Finding("pooler", "error", "PostgreSQL", fault, remedy)


@check
def migrations(seen: Examined) -> Iterator[Finding]:
    """Report steps and tables that this version needs and the database does not have."""
    for database in _of(seen.database):
        for table in database.missing_tables:
            remedy = MIGRATE if database.lacks_steps else "restore it from a backup: its step was run, so it was there"
            yield Finding("migrations", "error", table, "the table does not exist", remedy)
        if database.lacks_steps is not None:
            yield Finding("migrations", "error", "steps", database.lacks_steps, MIGRATE)
        if database.is_ahead is not None:
            remedy = "expected after going back to an older build; otherwise use the newer build"
            yield Finding("migrations", "warning", "steps", database.is_ahead, remedy)
        if not database.has_current_shape and "rm_position" not in database.missing_tables:
            fault = "the read models have the shape of another version"
            yield Finding("migrations", "error", "read models", fault, "python -m projector --rebuild")


def _of(part: T | None) -> Iterator[T]:
    """Yield a part that was read."""
    if part is not None:
        yield part
