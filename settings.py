"""Every knob: typed, frozen, read once, at a front door."""

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
    """Where events and read models are kept."""

    url: str = Field("postgresql://postgres@127.0.0.1:5432/boxoffice", description="URL of the PostgreSQL database")
    pool_size: int = Field(8, ge=1, le=100, description="connections that one process keeps open at most")
    commit_queue_max: int = Field(
        2000, ge=1, description="decisions that wait for one process's committer; beyond it 429"
    )


class TemporalSettings(Group):
    """Where the workflow engine is."""

    address: str = Field("127.0.0.1:7233", description="host:port of Temporal's frontend")
    namespace: str = Field("default", description="Temporal namespace of the workflows")


class StripeSettings(Group):
    """How Stripe is reached."""

    api_base: str | None = Field(None, description="base URL of Stripe's API; empty is https://api.stripe.com")
    api_key: SecretStr = Field(UNSET, description="secret key, sk_test_... or sk_live_...")
    webhook_secret: SecretStr = Field(UNSET, description="signing secret of the webhook endpoint, whsec_...")
    connect_webhook_secret: SecretStr = Field(UNSET, description="signing secret of the endpoint of venues' events")
    undelivered_poll_seconds: float = Field(
        30, gt=0, description="seconds between looks for webhooks that have not arrived"
    )
    publishable_key: str = Field("", description="publishable key that the API tells a buyer's browser, pk_...")


class SolanaSettings(Group):
    """How the chain is reached, and with which keys."""

    rpc_url: str = Field("http://127.0.0.1:8899", description="URL of the JSON-RPC node")
    ws_url: str | None = Field(None, description="URL of the node's web socket; empty is derived from rpc_url")
    issuer_secret: SecretStr = Field(UNSET, description="32-byte seed, hex or base58, of the key that mints and pays")
    address_secret: SecretStr = Field(UNSET, description="32-byte seed, hex or base58, that mint addresses come from")
    custody_address: str | None = Field(
        None, description="owner of tickets without a buyer's wallet; empty is the issuer"
    )

    @property
    def web_socket(self) -> str:
        """The web socket's URL: as given, or the RPC's with its port + 1 if it names one, as Solana's nodes have it."""
        if self.ws_url is not None:
            return self.ws_url
        rpc = urlsplit(self.rpc_url)
        host = rpc.netloc if rpc.port is None else f"{rpc.netloc.rpartition(':')[0]}:{rpc.port + 1}"
        return rpc._replace(scheme=rpc.scheme.replace("http", "ws"), netloc=host).geturl()


class ApiSettings(Group):
    """How the HTTP API serves."""

    host: str = Field("127.0.0.1", description="address that the API listens on")
    port: int = Field(8000, ge=1, le=65535, description="port that the API listens on")
    public_url: str = Field("http://127.0.0.1:8000", description="URL of the API as buyers see it, for metadata URIs")
    temporal_timeout_seconds: float = Field(5.0, gt=0, description="wait for the engine before a purchase answers 202")
    checkouts_in_flight_max: int = Field(
        32, ge=0, description="checkouts that open at once; beyond it 202, and later in turn"
    )
    metrics: bool = Field(default=True, description="whether GET /metrics is served")


class SagaSettings(Group):
    """The time limits of a purchase."""

    hold_seconds: int = Field(600, ge=1, description="how long seats are held for payment")
    hold_seconds_max: int = Field(3600, ge=1, description="longest hold that a show or a request may ask for")
    queue_seconds: int = Field(600, ge=1, description="how long placed seats wait for their checkout to open")
    buyer_tickets_max: int = Field(50, ge=1, description="tickets of one show that a named buyer may have, by default")
    buyer_purchases_max: int = Field(20, ge=1, description="open purchases that a named buyer may have")
    processing_extension_seconds: int = Field(900, ge=0, description="extension of a hold while Stripe is processing")
    poll_seconds: float = Field(30.0, gt=0, description="interval of asking Stripe while waiting for payment")


class PayoutSettings(Group):
    """When venues get their shares."""

    every_seconds: int = Field(3600, ge=1, description="how often due shares are looked for")
    delay_seconds: int = Field(172_800, ge=0, description="how long after the show (or the sale) a share is due")
    minimum_minor: int = Field(100, ge=0, description="least amount due to a venue, in minor units, to send any")
    poll_seconds: float = Field(3600.0, gt=0, description="interval of asking Stripe about an account being set up")


class WorkerSettings(Group):
    """How one worker process runs."""

    identity: str | None = Field(None, description="name of this worker in Temporal; empty is pid@host")
    deployment: str = Field("boxoffice", min_length=1, description="name of the deployment that the builds belong to")
    build_id: str = Field("dev", min_length=1, description="version of this code for worker versioning")
    max_concurrent: int = Field(50, ge=1, description="activities that run at once per task queue")
    max_concurrent_mints: int = Field(
        200, ge=1, description="mints in flight at once: each waits until its transaction is final"
    )
    metrics_port: int | None = Field(None, ge=1, le=65535, description="port of Prometheus metrics; empty is none")
    ready_file: Path | None = Field(None, description="file that gets the worker's pid once it polls; empty is none")


class ProjectorSettings(Group):
    """How the projector process runs."""

    metrics_port: int | None = Field(None, ge=1, le=65535, description="port of Prometheus metrics; empty is none")
    ready_file: Path | None = Field(
        None, description="file that gets the projector's pid once it follows; empty is none"
    )


class FeeSettings(Group):
    """The fees on top of a price, in ten-thousandths."""

    platform_bps: int = Field(750, ge=0, le=10_000, description="platform fee in ten-thousandths")
    processing_bps: int = Field(290, ge=0, le=10_000, description="processing fee in ten-thousandths")


class InternalSettings(Group):
    """Who may use the internal ticket API."""

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

    postgres: PostgresSettings = Field(default_factory=PostgresSettings, description="where events are kept")
    temporal: TemporalSettings = Field(default_factory=TemporalSettings, description="where the engine is")
    stripe: StripeSettings = Field(default_factory=StripeSettings, description="how Stripe is reached")
    solana: SolanaSettings = Field(default_factory=SolanaSettings, description="how the chain is reached")
    api: ApiSettings = Field(default_factory=ApiSettings, description="how the HTTP API serves")
    saga: SagaSettings = Field(default_factory=SagaSettings, description="the time limits of a purchase")
    payouts: PayoutSettings = Field(default_factory=PayoutSettings, description="when venues get their shares")
    worker: WorkerSettings = Field(default_factory=WorkerSettings, description="how one worker runs")
    projector: ProjectorSettings = Field(default_factory=ProjectorSettings, description="how the projector runs")
    fees: FeeSettings = Field(default_factory=FeeSettings, description="the fees on top of a price")
    internal: InternalSettings = Field(default_factory=InternalSettings, description="who may use the internal API")

    def given(self) -> dict[str, str]:
        """Return the settings that were given explicitly, by environment name, secrets in plain text."""
        return {
            name: plain(value)
            for name, group, field in setting_names()
            if field in getattr(self, group).model_fields_set
            and (value := getattr(getattr(self, group), field)) is not None
        }


def plain(value: object) -> str:
    """Return a setting's value as it is written in the environment."""
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
    """Read the environment and `.env` once; a front door calls this, and passes on what it read.

    `given` are settings by their environment names that win over both, such as those of a running stack.
    """
    groups: dict[str, Any] = {}
    for name, group, field in setting_names():
        if given is not None and name in given:
            groups.setdefault(group, {})[field] = given[name]
    return Settings(**groups)
