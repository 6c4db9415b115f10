"""The groups of the settings about HTTP: the API, the limits of its callers, and the shop that it serves."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from settings.groups import Group
from settings.values import HttpUrl


class ApiSettings(Group):
    """The HTTP API's address and limits."""

    host: str = Field("127.0.0.1", description="address that the API listens on")
    port: int = Field(8000, ge=1, le=65535, description="port that the API listens on")
    public_url: HttpUrl = Field(
        "http://127.0.0.1:8000", description="URL of the API as people see it; Stripe sends venues back to it"
    )
    temporal_timeout_seconds: float = Field(
        5.0, gt=0, description="wait for Temporal before a purchase answers 202, in seconds"
    )
    checkouts_in_flight_max: int = Field(
        32, ge=0, description="checkouts opened at once; beyond it 202, and they open later in turn"
    )
    read_seconds: float = Field(4.5, gt=0, description="time until a GET begins its answer, in seconds; then 503")
    metrics: bool = Field(default=True, description="whether GET /metrics is served")
    metrics_port: int | None = Field(
        None, ge=1, le=65535, description="port of metrics and probes without a key; empty is none"
    )
    development_key: SecretStr | None = Field(
        None, description="key with every scope, bo_dev_..., for development alone; empty is none"
    )


class LimitSettings(Group):
    """The limits of callers of the HTTP API."""

    body_bytes_max: int = Field(65_536, ge=1024, description="longest body of a request, in bytes")
    webhook_bytes_max: int = Field(262_144, ge=1024, description="longest body of a webhook, in bytes")
    body_seconds: float = Field(20.0, gt=0, description="time within which a body must arrive, in seconds")
    head_seconds: float = Field(
        10.0, gt=0, description="time within which the request line and headers must arrive, in seconds"
    )
    connections_max: int = Field(1000, ge=1, description="connections of one API process at once")
    key_per_minute: int = Field(6000, ge=1, description="requests of one API key per minute")
    address_per_minute: int = Field(600, ge=1, description="requests of one address per minute")
    health_per_minute: int = Field(600, ge=1, description="requests of one address per minute to health and metrics")
    webhooks_per_minute: int = Field(6000, ge=1, description="webhooks of one address per minute")
    counters: Literal["memory", "postgres"] = Field(
        "memory", description="where requests are counted: in each process's memory, or in PostgreSQL for all together"
    )
    client_share_percent: int = Field(
        50, ge=1, le=100, description="part of a ticket type that one client may hold at once, or one purchase"
    )
    unnamed_share_percent: int = Field(
        50,
        ge=0,
        le=100,
        description="part of a ticket type that purchases without a named buyer may hold at once, by default",
    )
    tag_is_one_buyer: bool = Field(default=True, description="whether ann+tag@example.org is the buyer ann@example.org")
    trusted_proxies: str = Field(
        "", description="addresses or networks of proxies whose X-Forwarded-For is believed, with commas; empty is none"
    )
    cors_origins: str = Field(
        "", description="origins whose pages may call the API, with commas; * is every origin, empty is none"
    )


class ShopSettings(Group):
    """The shop in a browser, which the API serves."""

    tenant: str = Field("", description="tenant whose shows the shop sells; empty serves no shop")
    pay_page: HttpUrl | None = Field(
        None,
        description="page on which buyers pay, the Stripe emulator's; empty is Stripe's fields in the shop itself",
    )
    stack_file: Path | None = Field(
        None, description="stack.json of a development stack, whose processes the shop's pages may kill; empty is none"
    )


class InternalSettings(Group):
    """Access to the internal ticket API."""

    token: SecretStr | None = Field(None, description="bearer token of the internal API; empty is none")
