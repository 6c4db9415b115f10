"""The terms of a deployment, which its settings say: what is allowed, and where buyers pay."""

from dataclasses import dataclass
from pathlib import Path

from domain.money.money import FeeRates


@dataclass(frozen=True)
class BodyLimits:
    """The most bytes of a request's body, and of a webhook's."""

    bytes_max: int = 64 * 1024
    webhook_bytes_max: int = 256 * 1024


@dataclass(frozen=True)
class ConnectionLimits:
    """The most connections of one process at once, and the seconds in which a request's head and body must arrive."""

    connections_max: int = 1_000
    head_seconds: float = 10.0
    body_seconds: float = 20.0


@dataclass(frozen=True)
class Limits:
    """The limits of the deployment: holds, fees and metrics.

    A GET begins its answer within `read_seconds`, a checkout opens within `queue_seconds`. A named buyer has so many
    tickets of a show (its default) and so many open purchases at most; a client, and purchases without a named buyer
    (a show's default), hold so much of a ticket type. Browsers may call
    from the `cors_origins`.
    """

    hold_seconds: int
    hold_seconds_max: int
    rates: FeeRates
    metrics: bool = True
    queue_seconds: int = 600
    buyer_tickets_max: int = 50
    open_purchases_max: int = 20
    client_share_percent: int = 100
    unnamed_share_percent: int = 100
    body: BodyLimits = BodyLimits()
    cors_origins: tuple[str, ...] = ()
    read_seconds: float = 4.5
    venue_country: str = ""
    private_webhooks: bool = False


@dataclass(frozen=True)
class ShopTerms:
    """The shop in a browser: whose shows it sells (nobody's: there is none), and where buyers pay.

    `public_url` is the shop's address as buyers see it. Without a `pay_page` they pay on the shop's own page, in
    Stripe's fields. With the `stack_file` of a development stack the pages can kill its processes.
    """

    tenant_id: str = ""
    public_url: str = ""
    pay_page: str = ""
    stack_file: Path | None = None
    workflows_url: str = ""  # Temporal's list of workflows, for operators
