"""Everything that the doctor has read of a running system; None is a part that could not be read."""

from typing import NamedTuple

from settings import Fault


class Queue(NamedTuple):
    """A task queue: the builds whose workers poll it for workflows, and for activities."""

    name: str
    workflows: frozenset[str]
    activities: frozenset[str]
    has_workflows: bool


class TemporalSeen(NamedTuple):
    """Temporal: builds, queues, search attributes, schedules and stuck workflows."""

    deployment: str
    current_build: str | None
    queues: tuple[Queue, ...]
    missing_attributes: frozenset[str]
    paused_schedules: tuple[str, ...]
    missing_schedules: tuple[str, ...]
    need_operator: int
    failing: tuple[str, ...]


class Endpoint(NamedTuple):
    """A webhook endpoint at Stripe."""

    url: str
    events: frozenset[str]
    is_enabled: bool


class Stripe(NamedTuple):
    """Stripe: whether it is Stripe itself, its endpoints, the public address of ours, and events not delivered."""

    is_stripe: bool
    endpoints: tuple[Endpoint, ...]
    public_url: str
    undelivered: int


class Chain(NamedTuple):
    """The chain: which one, its newest block, programs, what pays for transactions, groups that are missing."""

    genesis: str
    pinned: str | None
    age_seconds: float
    missing_programs: tuple[str, ...]
    payer: str
    payer_lamports: int | None
    missing_groups: tuple[str, ...]


class Database(NamedTuple):
    """PostgreSQL: tables, read models, clock, and what waits."""

    keeps_sessions: bool
    missing_tables: tuple[str, ...]
    lacks_steps: str | None  # how far it is and what this build needs; None where it has them
    is_ahead: str | None  # the same where a newer build has migrated it
    has_current_shape: bool
    events_behind: int
    seconds_behind: float
    clock_seconds: float  # ahead of this machine
    waiting_webhooks: int
    oldest_webhook_seconds: float
    overdue_purchases: tuple[str, ...]
    tokenless: tuple[str, ...]
    unpinned: int
    switched_off: tuple[str, ...]  # webhook endpoints of tenants
    late_letters: int = 0
    set_aside_letters: tuple[str, ...] = ()  # by their purchases


class Examined(NamedTuple):
    """Everything that was read; `unread` has the reason for each part that could not be."""

    is_production: bool
    pins: bool
    faults: tuple[Fault, ...]
    database: Database | None
    engine: TemporalSeen | None
    stripe: Stripe | None
    chain: Chain | None
    unread: dict[str, str]
