"""The doctor finds each seeded fault by its name, and nothing in a system that is well."""

import json
from typing import Any

import pytest

from cli.checks.doctor.checks import CHECKS, MAINNET, WEBHOOKS, findings
from cli.checks.doctor.command import document, picture
from cli.checks.doctor.examined import Chain, Database, Endpoint, Examined, Queue, Stripe, TemporalSeen
from settings import Fault

PUBLIC = "https://tickets.example"
BUILD = frozenset({"0.2.0"})
ENDPOINTS = tuple(Endpoint(PUBLIC + path, frozenset(events), is_enabled=True) for path, events in WEBHOOKS.items())
WELL = Examined(
    is_production=True,
    pins=True,
    faults=(),
    database=Database(
        keeps_sessions=True,
        missing_tables=(),
        lacks_steps=None,
        is_ahead=None,
        has_current_shape=True,
        events_behind=3,
        seconds_behind=0.2,
        clock_seconds=0.01,
        waiting_webhooks=1,
        oldest_webhook_seconds=0.5,
        overdue_purchases=(),
        tokenless=(),
        unpinned=0,
        switched_off=(),
    ),
    engine=TemporalSeen(
        "boxoffice",
        "0.2.0",
        (Queue("purchases", BUILD, BUILD, has_workflows=True), Queue("mint", frozenset(), BUILD, has_workflows=False)),
        frozenset(),
        (),
        (),
        0,
        (),
    ),
    stripe=Stripe(is_stripe=True, endpoints=ENDPOINTS, public_url=PUBLIC, undelivered=0),
    chain=Chain(MAINNET, MAINNET, 12.0, (), "payer", 10**10, ()),
    unread={},
)


def database(**changed: Any) -> Examined:
    assert WELL.database is not None
    return WELL._replace(database=WELL.database._replace(**changed))


def engine(**changed: Any) -> Examined:
    assert WELL.engine is not None
    return WELL._replace(engine=WELL.engine._replace(**changed))


def stripe(**changed: Any) -> Examined:
    assert WELL.stripe is not None
    return WELL._replace(stripe=WELL.stripe._replace(**changed))


def chain(**changed: Any) -> Examined:
    assert WELL.chain is not None
    return WELL._replace(chain=WELL.chain._replace(**changed))


def without(event: str) -> tuple[Endpoint, ...]:
    return tuple(one._replace(events=one.events - {event}) for one in ENDPOINTS)


# The seeded fault, the check that finds it, and its subject.
SEEDED: dict[str, tuple[Examined, str, str]] = {
    "a system is away": (WELL._replace(stripe=None, unread={"Stripe": "timed out"}), "unread", "Stripe"),
    "an unsafe setting": (
        WELL._replace(faults=(Fault("BOXOFFICE_STRIPE__API_KEY", "is a test key"),)),
        "unsafe_settings",
        "BOXOFFICE_STRIPE__API_KEY",
    ),
    "nobody polls a queue": (
        engine(queues=(Queue("stripe", frozenset(), frozenset(), has_workflows=False),)),
        "pollers",
        "stripe",
    ),
    "nobody polls for workflows": (
        engine(queues=(Queue("purchases", frozenset(), BUILD, has_workflows=True),)),
        "pollers",
        "purchases",
    ),
    "only another build polls": (engine(current_build="0.3.0"), "pollers", "mint"),
    "no current build": (engine(current_build=None), "current_build", "boxoffice"),
    "a missing search attribute": (
        engine(missing_attributes=frozenset({"NeedsOperator"})),
        "search_attributes",
        "NeedsOperator",
    ),
    "a paused schedule": (engine(paused_schedules=("transfers",)), "schedules", "transfers"),
    "a missing schedule": (engine(missing_schedules=("pinning",)), "schedules", "pinning"),
    "a workflow's task fails": (engine(failing=("purchase/pu_1",)), "workflow_tasks", "purchase/pu_1"),
    "an operator is needed": (engine(need_operator=2), "operators", "Temporal"),
    "an emulator of Stripe": (stripe(is_stripe=False), "emulators", "Stripe"),
    "a chain that is not mainnet": (chain(genesis="dev", pinned="dev"), "emulators", "Solana"),
    "an endpoint is not registered": (
        stripe(endpoints=ENDPOINTS[:1]),
        "webhook_endpoints",
        f"{PUBLIC}/webhooks/stripe/connect",
    ),
    "an endpoint is disabled": (
        stripe(endpoints=(ENDPOINTS[0]._replace(is_enabled=False), ENDPOINTS[1])),
        "webhook_endpoints",
        f"{PUBLIC}/webhooks/stripe",
    ),
    "an endpoint lacks an event": (
        stripe(endpoints=without("payment_intent.succeeded")),
        "webhook_endpoints",
        f"{PUBLIC}/webhooks/stripe",
    ),
    "Stripe could not deliver": (stripe(undelivered=4), "never_delivered", "Stripe"),
    "a webhook reached no workflow": (database(oldest_webhook_seconds=900.0), "never_delivered", "webhook_inbox"),
    "a webhook endpoint that takes nothing": (database(switched_off=("we_1",)), "receivers", "we_1"),
    "another chain": (chain(pinned="before"), "pinned_chain", "Solana"),
    "a node that stands still": (chain(age_seconds=600.0), "chain_stands_still", "Solana"),
    "a missing program": (chain(missing_programs=("Token-2022",)), "programs", "Token-2022"),
    "an empty payer": (chain(payer_lamports=5), "payer", "payer"),
    "a show without its group": (chain(missing_groups=("sh_1",)), "groups", "sh_1"),
    "a venue that never got on chain": (database(tokenless=("ve_1",)), "groups", "ve_1"),
    "files that are not pinned": (database(unpinned=7), "pins", "IPFS"),
    "a projector that is behind": (database(events_behind=900, seconds_behind=300.0), "lag", "projector"),
    "a purchase past its end": (database(overdue_purchases=tuple("abcdefg")), "lag", "purchases"),
    "a pooler that keeps no sessions": (database(keeps_sessions=False), "pooler", "PostgreSQL"),
    "letters that wait": (database(late_letters=3), "letters", "letters"),
    "letters that nobody took": (database(set_aside_letters=tuple("abcdefg")), "letters", "letters"),
    "another clock": (database(clock_seconds=-30.0), "clock", "PostgreSQL"),
    "a missing table": (
        database(missing_tables=("checkouts",)),
        "migrations",
        "checkouts",
    ),
    "a step that was not run": (
        database(lacks_steps="the database is at step 0001; this build needs step 0002"),
        "migrations",
        "steps",
    ),
    "a step that this build does not know": (
        database(is_ahead="the database is at step 0003; this build needs step 0002: a newer build migrated it"),
        "migrations",
        "steps",
    ),
    "read models of another version": (database(has_current_shape=False), "migrations", "read models"),
}


def test_a_system_that_is_well() -> None:
    """Nothing is found where nothing is wrong; all events of an endpoint are enough."""
    assert findings(WELL) == []
    every = tuple(one._replace(events=frozenset({"*"})) for one in ENDPOINTS)
    assert findings(stripe(endpoints=every)) == []


@pytest.mark.parametrize("name", SEEDED)
def test_each_seeded_fault_is_found(name: str) -> None:
    """The check of each fault names its subject, and no other check speaks."""
    seen, check, subject = SEEDED[name]
    found = findings(seen)
    assert (check, subject) in {(one.check, one.subject) for one in found}
    assert {one.check for one in found} == {check}
    assert all(one.fault and one.remedy for one in found)


def test_every_check_has_its_seeded_fault() -> None:
    """A check without a fault that it finds does not count."""
    assert {check for _, check, _ in SEEDED.values()} == {one.__name__ for one in CHECKS}


def test_emulators_are_meant_in_development() -> None:
    """There they are no fault."""
    developing = stripe(is_stripe=False)._replace(is_production=False, chain=chain(genesis="dev", pinned="dev").chain)
    assert findings(developing) == []


def test_the_document_and_the_picture(capsys: pytest.CaptureFixture[str]) -> None:
    """Errors come first; a warning alone leaves the system well."""
    both = engine(need_operator=1, current_build=None)
    written = json.loads(json.dumps(document(both, findings(both))))
    assert (written["well"], written["read"]) == (False, ["database", "engine", "stripe", "chain"])
    assert [one["severity"] for one in written["findings"]] == ["error", "warning"]
    warned = engine(need_operator=1)
    assert document(warned, findings(warned))["well"] is True
    picture(findings(both))
    assert "1 errors, 1 warnings" in capsys.readouterr().out
