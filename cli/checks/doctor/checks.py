"""The checks of the doctor: each finds one kind of fault, and names its remedy."""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Literal, NamedTuple, TypeVar

from cli.checks.doctor.examined import Chain, Database, Examined, Stripe, TemporalSeen
from cli.command import first_of
from domain.payments.webhook_event import SUBSCRIBED, SUBSCRIBED_CONNECT

MAINNET = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
LAMPORTS_MIN = 500_000_000  # about a hundred mints
CHAIN_SECONDS_MAX = 60.0
BEHIND_SECONDS_MAX = 30.0
CLOCK_SECONDS_MAX = 2.0
WEBHOOK_SECONDS_MAX = 120.0
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


def check(part: Callable[[Examined], T | None]) -> Callable[[Callable[[T], Iterator[Finding]]], DoctorCheck]:
    """Declare a check of a part, where that could be read; its name is that of the function."""

    def declare(function: Callable[[T], Iterator[Finding]]) -> DoctorCheck:
        @wraps(function)
        def judge(seen: Examined) -> Iterator[Finding]:
            if (found := part(seen)) is not None:
                for finding in function(found):
                    yield finding._replace(check=function.__name__)

        CHECKS.append(judge)
        return judge

    return declare


def error(subject: str, fault: str, remedy: str) -> Finding:
    """Return a finding for which the system is not well."""
    return Finding("", "error", subject, fault, remedy)


def warning(subject: str, fault: str, remedy: str) -> Finding:
    """Return a finding that a well system may have."""
    return Finding("", "warning", subject, fault, remedy)


def findings(seen: Examined) -> list[Finding]:
    """Return everything that is wrong, errors first."""
    found = [finding for one in CHECKS for finding in one(seen)]
    return sorted(found, key=lambda finding: finding.severity)


@check(lambda seen: seen.unread)
def unread(systems: dict[str, str]) -> Iterator[Finding]:
    """Report every system that could not be read."""
    for name, why in systems.items():
        yield error(name, why, "see that it runs, and that the settings name it")


@check(lambda seen: seen)
def unsafe_settings(seen: Examined) -> Iterator[Finding]:
    """Report settings that a process would refuse in production."""
    for fault in seen.faults:
        yield error(fault.setting, fault.why, "correct the setting")


@check(lambda seen: seen.engine)
def pollers(engine: TemporalSeen) -> Iterator[Finding]:
    """Report queues that nobody polls, or only a build that gets no work."""
    for queue in engine.queues:
        wanted = {"activities": queue.activities}
        if queue.has_workflows:
            wanted["workflows"] = queue.workflows
        for kind, builds in wanted.items():
            if not builds:
                yield error(
                    queue.name,
                    f"no worker polls it for {kind}",
                    f"start a worker: python -m worker --queues {queue.name}",
                )
            elif engine.current_build and engine.current_build not in builds:
                fault = f"polled for {kind} by {', '.join(sorted(builds))}, not by {engine.current_build}"
                yield error(queue.name, fault, "start workers of the current build")


@check(lambda seen: seen.engine)
def current_build(engine: TemporalSeen) -> Iterator[Finding]:
    """Report a deployment without a current build: its workers get no work."""
    if engine.current_build is None:
        set_current = "temporal worker deployment set-current-version"
        remedy = f"{set_current} --deployment-name {engine.deployment} --build-id B"
        yield error(engine.deployment, "no build is the current one", remedy)


@check(lambda seen: seen.engine)
def search_attributes(engine: TemporalSeen) -> Iterator[Finding]:
    """Report search attributes that the namespace does not know: workflows fail without them."""
    for name in sorted(engine.missing_attributes):
        yield error(name, "the namespace does not know it", "boxoffice search-attributes --create")


@check(lambda seen: seen.engine)
def schedules(engine: TemporalSeen) -> Iterator[Finding]:
    """Report schedules that are paused or missing."""
    for name in engine.paused_schedules:
        yield warning(name, "is paused", f"temporal schedule toggle --unpause -s {name}")
    for name in engine.missing_schedules:
        yield error(name, "does not exist", "start a worker of the queue purchases")


@check(lambda seen: seen.engine)
def operators(engine: TemporalSeen) -> Iterator[Finding]:
    """Report workflows that wait for an operator."""
    if stuck := engine.need_operator:
        yield warning("Temporal", f"{stuck} workflows need an operator", "see the runbook: NeedsOperator = true")


@check(lambda seen: seen.engine)
def workflow_tasks(engine: TemporalSeen) -> Iterator[Finding]:
    """Report workflows that stand still, because their task fails again and again."""
    for workflow_id in engine.failing:
        remedy = f"temporal workflow show -w {workflow_id}, then the runbook: a stuck workflow task"
        yield error(workflow_id, "stands still: its task fails again and again", remedy)


@check(lambda seen: seen if seen.is_production else None)
def emulators(seen: Examined) -> Iterator[Finding]:
    """Report emulators, which no production may have."""
    if seen.stripe is not None and not seen.stripe.is_stripe:
        remedy = "set BOXOFFICE_STRIPE__API_BASE to https://api.stripe.com"
        yield error("Stripe", "an emulator takes the payments", remedy)
    if seen.chain is not None and seen.chain.genesis != MAINNET:
        fault = f"the chain is not mainnet: its genesis is {seen.chain.genesis}"
        yield error("Solana", fault, "set BOXOFFICE_SOLANA__RPC_URL to nodes of mainnet")


@check(lambda seen: seen.stripe)
def webhook_endpoints(found: Stripe) -> Iterator[Finding]:
    """Report endpoints that are not registered at Stripe, are disabled, or lack events that have a handler."""
    for path, wanted in WEBHOOKS.items():
        url = found.public_url.rstrip("/") + path
        ours = [one for one in found.endpoints if one.url == url]
        events = frozenset[str]().union(*(one.events for one in ours if one.is_enabled))
        if not ours:
            yield error(url, "is not registered at Stripe", "register it (docs/stripe.md)")
        elif not events:
            yield error(url, "is disabled at Stripe", "enable it in the dashboard")
        elif "*" not in events and (lacking := frozenset(wanted) - events):
            yield error(url, f"does not get {', '.join(sorted(lacking))}", "add these events to the endpoint")


@check(lambda seen: seen)
def never_delivered(seen: Examined) -> Iterator[Finding]:
    """Report webhooks that Stripe could not deliver, or that reached no workflow."""
    if seen.stripe is not None and seen.stripe.undelivered:
        fault = f"Stripe could not deliver {seen.stripe.undelivered} events of the last day"
        yield warning("Stripe", fault, "look at the endpoint's log in the dashboard")
    if seen.database is not None and seen.database.oldest_webhook_seconds > WEBHOOK_SECONDS_MAX:
        waiting, seconds = seen.database.waiting_webhooks, seen.database.oldest_webhook_seconds
        fault = f"{waiting} stored webhooks wait, for {seconds:.0f} s"
        yield error("webhook_inbox", fault, "see that a worker runs its relay")


@check(lambda seen: seen.database)
def receivers(database: Database) -> Iterator[Finding]:
    """Report webhook endpoints of tenants that were switched off, since they took nothing for days."""
    for name in database.switched_off:
        fault = "took nothing for three days, or answered 410, and is switched off"
        yield warning(name, fault, f"ask its tenant, then boxoffice operator retry-now webhooks/{name}")


@check(lambda seen: seen.chain)
def pinned_chain(chain: Chain) -> Iterator[Finding]:
    """Report another chain than the one that this database's tokens are on."""
    if chain.pinned is not None and chain.pinned != chain.genesis:
        fault = f"the node's genesis is {chain.genesis}, the tokens are on {chain.pinned}"
        yield error("Solana", fault, "correct BOXOFFICE_SOLANA__RPC_URL")


@check(lambda seen: seen.chain)
def chain_stands_still(chain: Chain) -> Iterator[Finding]:
    """Report a node whose newest block is old."""
    if chain.age_seconds > CHAIN_SECONDS_MAX:
        fault = f"the newest finalized block is {chain.age_seconds:.0f} s old"
        yield error("Solana", fault, "use a node that is in step")


@check(lambda seen: seen.chain)
def programs(chain: Chain) -> Iterator[Finding]:
    """Report programs that minting needs and the chain does not have."""
    for program in chain.missing_programs:
        yield error(program, "the chain has no such program", "use another chain")


@check(lambda seen: seen.chain)
def payer(chain: Chain) -> Iterator[Finding]:
    """Report an issuer that cannot pay for many more transactions."""
    if chain.payer_lamports is not None and chain.payer_lamports < LAMPORTS_MIN:
        fault = f"holds {chain.payer_lamports} lamports; less than {LAMPORTS_MIN}"
        yield error(chain.payer, fault, "send it SOL: nothing is minted without")


@check(lambda seen: seen)
def groups(seen: Examined) -> Iterator[Finding]:
    """Report shows and venues whose group is not on chain."""
    for name in seen.chain.missing_groups if seen.chain else ():
        fault = "is on sale, but its group is not on chain"
        yield error(name, fault, "stop its sale; boxoffice reconcile tells what was minted")
    for name in seen.database.tokenless if seen.database else ():
        fault = "was registered an hour ago or more, and is not on chain"
        yield error(name, fault, "see its workflow: show/ID or venue/ID")


@check(lambda seen: seen.database if seen.pins else None)
def pins(database: Database) -> Iterator[Finding]:
    """Report metadata that no IPFS node has pinned."""
    if database.unpinned:
        fault = f"{database.unpinned} files of metadata are not pinned"
        yield warning("IPFS", fault, "see the schedule pinning and the worker of the queue ipfs")


@check(lambda seen: seen.database)
def lag(database: Database) -> Iterator[Finding]:
    """Report read models that are behind, and purchases past their end."""
    if database.seconds_behind > BEHIND_SECONDS_MAX:
        fault = f"is {database.events_behind} events behind, since {database.seconds_behind:.0f} s"
        yield error("projector", fault, "start it: python -m projector")
    if overdue := database.overdue_purchases:
        fault = f"past their time to pay and not ended: {first_of(overdue)}"
        yield error("purchases", fault, "see that workers run; then boxoffice purchase show ID")


@check(lambda seen: seen.database)
def letters(database: Database) -> Iterator[Finding]:
    """Report letters to buyers that are late, and those that nobody took in the last week."""
    if database.late_letters:
        fault = f"{database.late_letters} letters have been due for ten minutes or more"
        yield error("letters", fault, "see the workflow letters, and the mail server")
    if aside := database.set_aside_letters:
        remedy = "correct the buyer's address, then boxoffice letters resend PURCHASE (docs/letters.md)"
        yield warning("letters", f"were not taken, for {first_of(aside)}", remedy)


@check(lambda seen: seen.database)
def clock(database: Database) -> Iterator[Finding]:
    """Report clocks that differ: holds and webhooks are judged by them."""
    if abs(database.clock_seconds) > CLOCK_SECONDS_MAX:
        fault = f"its clock is {database.clock_seconds:+.1f} s from this machine's"
        yield error("PostgreSQL", fault, "synchronise both clocks (NTP)")


@check(lambda seen: seen.database)
def pooler(database: Database) -> Iterator[Finding]:
    """Report a pooler that gives each transaction another session."""
    if not database.keeps_sessions:
        fault = "a pooler gives each transaction another session: locks and time limits are lost"
        yield error("PostgreSQL", fault, "use pool_mode = session, or connect without it")


@check(lambda seen: seen.database)
def migrations(database: Database) -> Iterator[Finding]:
    """Report steps and tables that this version needs and the database does not have."""
    for table in database.missing_tables:
        remedy = MIGRATE if database.lacks_steps else "restore it from a backup: its step was run, so it was there"
        yield error(table, "the table does not exist", remedy)
    if database.lacks_steps is not None:
        yield error("steps", database.lacks_steps, MIGRATE)
    if database.is_ahead is not None:
        remedy = "expected after going back to an older build; otherwise use the newer build"
        yield warning("steps", database.is_ahead, remedy)
    if not database.has_current_shape and "rm_position" not in database.missing_tables:
        fault = "the read models have the shape of another version"
        yield error("read models", fault, "python -m projector --rebuild")
