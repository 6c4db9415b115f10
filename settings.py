"""All settings: typed, frozen, read once by a front door."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "BOXOFFICE_"
DELIMITER = "__"
UNSET = SecretStr("")


class Group(BaseModel):
    """A group of settings that belong together."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PostgresSettings(Group):
    """The database of events and read models."""

    url: str = Field("postgresql://postgres@127.0.0.1:5432/boxoffice", description="URL of the PostgreSQL database")
    pool_size: int = Field(8, ge=1, le=100, description="connections that one process keeps open at most")
    read_pool_size: int = Field(
        8, ge=1, le=100, description="connections of the API's reads, which are apart from those of purchases"
    )
    statement_seconds: float = Field(
        3.0, gt=0, le=60, description="time that one statement of a request may take, in seconds; then 503"
    )
    lock_seconds: float = Field(
        1.0, gt=0, le=60, description="time that a statement of a request may wait for a locked table, in seconds"
    )
    commit_queue_max: int = Field(
        2000, ge=1, description="decisions pending in one process's commit queue; beyond it 429"
    )


class TemporalSettings(Group):
    """The address of Temporal."""

    address: str = Field("127.0.0.1:7233", description="host:port of Temporal's frontend")
    namespace: str = Field("default", description="Temporal namespace of the workflows")


class StripeSettings(Group):
    """Stripe's API, keys and webhook secrets."""

    api_base: str | None = Field(None, description="base URL of Stripe's API; empty is https://api.stripe.com")
    api_key: SecretStr = Field(UNSET, description="secret key, sk_test_... or sk_live_...")
    webhook_secret: SecretStr = Field(UNSET, description="signing secret of the webhook endpoint, whsec_...")
    connect_webhook_secret: SecretStr = Field(UNSET, description="signing secret of the endpoint of venues' events")
    undelivered_poll_seconds: float = Field(
        30, gt=0, description="interval of polling Stripe for undelivered events, in seconds"
    )
    publishable_key: str = Field("", description="publishable key that the API returns to a buyer's browser, pk_...")


class SolanaSettings(Group):
    """The Solana node and our keys."""

    rpc_url: str = Field("http://127.0.0.1:8899", description="URL of the JSON-RPC node")
    ws_url: str | None = Field(None, description="URL of the node's web socket; empty is derived from rpc_url")
    issuer_secret: SecretStr = Field(UNSET, description="32-byte seed, hex or base58, of the key that mints and pays")
    address_secret: SecretStr = Field(
        UNSET, description="32-byte seed, hex or base58, from which mint addresses are derived"
    )
    custody_address: str | None = Field(
        None, description="owner of tickets without a buyer's wallet; empty is the issuer"
    )

    @property
    def web_socket(self) -> str:
        """The web socket's URL: as given, or the RPC URL with its port + 1, if it names a port."""
        if self.ws_url is not None:
            return self.ws_url
        rpc = urlsplit(self.rpc_url)
        host = rpc.netloc if rpc.port is None else f"{rpc.netloc.rpartition(':')[0]}:{rpc.port + 1}"
        return rpc._replace(scheme=rpc.scheme.replace("http", "ws"), netloc=host).geturl()


class ApiSettings(Group):
    """The HTTP API's address and limits."""

    host: str = Field("127.0.0.1", description="address that the API listens on")
    port: int = Field(8000, ge=1, le=65535, description="port that the API listens on")
    public_url: str = Field("http://127.0.0.1:8000", description="URL of the API as buyers see it, for metadata URIs")
    temporal_timeout_seconds: float = Field(
        5.0, gt=0, description="wait for Temporal before a purchase answers 202, in seconds"
    )
    checkouts_in_flight_max: int = Field(
        32, ge=0, description="checkouts opened at once; beyond it 202, and they open later in turn"
    )
    read_seconds: float = Field(4.5, gt=0, description="time until a GET begins its answer, in seconds; then 503")
    metrics: bool = Field(default=True, description="whether GET /metrics is served")


class SagaSettings(Group):
    """The time limits of a purchase."""

    hold_seconds: int = Field(600, ge=1, description="time that seats are held for payment, in seconds")
    hold_seconds_max: int = Field(3600, ge=1, description="longest hold of a show or a request, in seconds")
    queue_seconds: int = Field(
        600, ge=1, description="time within which a placed order's checkout must open, in seconds"
    )
    buyer_tickets_max: int = Field(50, ge=1, description="tickets of one show that a named buyer may have, by default")
    buyer_purchases_max: int = Field(20, ge=1, description="open purchases that a named buyer may have")
    processing_extension_seconds: int = Field(
        900, ge=0, description="extension of a hold while the payment is processing, in seconds"
    )
    poll_seconds: float = Field(
        30.0, gt=0, description="interval of polling Stripe while waiting for payment, in seconds"
    )


class PayoutSettings(Group):
    """The schedule of transfers to venues."""

    every_seconds: int = Field(3600, ge=1, description="interval of looking for due shares, in seconds")
    delay_seconds: int = Field(
        172_800, ge=0, description="delay after the show (or the sale) until a share is due, in seconds"
    )
    minimum_minor: int = Field(100, ge=0, description="least amount due to a venue that is transferred, in minor units")
    poll_seconds: float = Field(
        3600.0, gt=0, description="interval of polling Stripe for an account being set up, in seconds"
    )


class WorkerSettings(Group):
    """One worker process: identity, build, limits, metrics."""

    identity: str | None = Field(None, description="name of this worker in Temporal; empty is pid@host")
    deployment: str = Field("boxoffice", min_length=1, description="name of the deployment that the builds belong to")
    build_id: str = Field("dev", min_length=1, description="version of this code for worker versioning")
    max_concurrent: int = Field(50, ge=1, description="activities that run at once per task queue")
    max_concurrent_mints: int = Field(
        200, ge=1, description="mints in flight at once: each waits until its transaction is final"
    )
    metrics_port: int | None = Field(None, ge=1, le=65535, description="port of Prometheus metrics; empty is none")
    ready_file: Path | None = Field(
        None, description="file to which the worker writes its pid once it polls; empty is none"
    )


class ProjectorSettings(Group):
    """The projector process: metrics and ready file."""

    metrics_port: int | None = Field(None, ge=1, le=65535, description="port of Prometheus metrics; empty is none")
    ready_file: Path | None = Field(
        None, description="file to which the projector writes its pid once up to date; empty is none"
    )


class FeeSettings(Group):
    """The fees on top of a price, in ten-thousandths."""

    platform_bps: int = Field(750, ge=0, le=10_000, description="platform fee in ten-thousandths")
    processing_bps: int = Field(290, ge=0, le=10_000, description="processing fee in ten-thousandths")


class InternalSettings(Group):
    """Access to the internal ticket API."""

    token: SecretStr | None = Field(None, description="bearer token of the internal API; empty leaves it open")


class Settings(BaseSettings):
    """All settings; each comes from BOXOFFICE_GROUP__NAME in the environment or in a file `.env`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        env_file=".env",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,  # a mistyped secret is not printed
    )

    postgres: PostgresSettings = Field(default_factory=PostgresSettings, description="the database")
    temporal: TemporalSettings = Field(default_factory=TemporalSettings, description="the address of Temporal")
    stripe: StripeSettings = Field(default_factory=StripeSettings, description="Stripe's API, keys and webhook secrets")
    solana: SolanaSettings = Field(default_factory=SolanaSettings, description="the Solana node and our keys")
    api: ApiSettings = Field(default_factory=ApiSettings, description="the HTTP API's address and limits")
    saga: SagaSettings = Field(default_factory=SagaSettings, description="the time limits of a purchase")
    payouts: PayoutSettings = Field(default_factory=PayoutSettings, description="the schedule of transfers to venues")
    worker: WorkerSettings = Field(default_factory=WorkerSettings, description="one worker process")
    projector: ProjectorSettings = Field(default_factory=ProjectorSettings, description="the projector process")
    fees: FeeSettings = Field(default_factory=FeeSettings, description="the fees on top of a price")
    internal: InternalSettings = Field(default_factory=InternalSettings, description="access to the internal API")

    def given(self) -> dict[str, str]:
        """Return the settings that were given explicitly, by environment name, secrets in plain text."""
        return {
            name: plain(value)
            for name, group, field in setting_names()
            if field in getattr(self, group).model_fields_set
            and (value := getattr(getattr(self, group), field)) is not None
        }


def plain(value: object) -> str:
    """Return a setting's value as text for the environment."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value).lower() if isinstance(value, bool) else str(value)


def setting_names() -> Iterator[tuple[str, str, str]]:
    """Yield (environment name, group, field) of every setting."""
    for group, group_field in Settings.model_fields.items():
        group_type = group_field.annotation
        if isinstance(group_type, type) and issubclass(group_type, Group):
            for field in group_type.model_fields:
                yield f"{PREFIX}{group}{DELIMITER}{field}".upper(), group, field


def read_settings(given: Mapping[str, str] | None = None) -> Settings:
    """Read the environment and `.env`; a front door calls this once and passes the settings on.

    `given` has settings by environment name that override both, such as those of a running stack.
    """
    groups: dict[str, Any] = {}
    for name, group, field in setting_names():
        if given is not None and name in given:
            groups.setdefault(group, {})[field] = given[name]
    return Settings(**groups)
