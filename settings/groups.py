"""The groups of the settings: typed, frozen, each field with its default and its meaning."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from adapters.solana.signer.keys import KeyAddresses, Role, addresses_of
from settings.values import (
    Country,
    HostPort,
    HttpUrl,
    Keys,
    PostgresUrl,
    Seed,
    Seeds,
    SolanaAddress,
    SolanaAddresses,
    SolanaNodes,
    StatementSuffix,
    WebhookSecrets,
    keys_of,
    nodes_in,
    words_in,
)

UNSET = SecretStr("")


class Group(BaseModel):
    """A group of settings that belong together."""

    model_config = ConfigDict(frozen=True)


class PostgresSettings(Group):
    """The database of events and read models."""

    url: PostgresUrl = Field(
        "postgresql://postgres@127.0.0.1:5432/boxoffice",
        description="URL of the PostgreSQL database, with any parameter of libpq, such as sslmode and sslrootcert",
    )
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
    """The address of Temporal, and how its connection is secured."""

    address: HostPort = Field("127.0.0.1:7233", description="host:port of Temporal's frontend")
    namespace: str = Field("default", min_length=1, description="Temporal namespace of the workflows")
    ui_url: HttpUrl | None = Field(
        None, description="URL of Temporal's web UI as operators see it; pages link there, empty links nowhere"
    )
    profile: str = Field(
        "", description="profile of Temporal's SDK (TEMPORAL_...) with TLS and API key; empty is a plain connection"
    )
    codec_keys: Keys = Field(
        UNSET, description="keys of workflow payloads, id:base64 of 32 bytes, by commas; the first encrypts"
    )


class CodecServerSettings(Group):
    """The server that decodes payloads for Temporal's web UI."""

    host: str = Field("127.0.0.1", description="address that the codec server listens on")
    port: int = Field(8234, ge=1, le=65535, description="port that the codec server listens on")
    token: SecretStr = Field(UNSET, description="bearer token of the codec server, 32 characters or more")
    origin: str = Field("http://127.0.0.1:8233", description="origin of the web UI that may call the codec server")


class PrivacySettings(Group):
    """Personal data at rest."""

    keys: Keys = Field(UNSET, description="keys of personal data, id:base64 of 32 bytes, by commas; the first encrypts")
    lookup_secret: SecretStr = Field(
        UNSET, description="secret of the hashes by which a person is found, 32 characters or more; it never changes"
    )
    retention_days: int = Field(
        0, ge=0, description="days after the show until personal data and handled webhooks are deleted; 0 is never"
    )
    log_days: int = Field(
        90, ge=0, description="days until the log of webhooks and letters that were sent is deleted; 0 is never"
    )

    @property
    def sealing(self) -> tuple[dict[str, bytes], str]:
        """The keys, and the secret of the lookups."""
        return keys_of(self.keys), self.lookup_secret.get_secret_value()


class DoorSettings(Group):
    """Tickets' codes."""

    code_keys: Keys = Field(
        UNSET,
        description="keys of tickets' codes, id:base64 of 32 bytes, by commas; the first makes, all are let in",
    )


class StripeSettings(Group):
    """Stripe's API, keys and webhook secrets."""

    api_base: HttpUrl | None = Field(None, description="base URL of Stripe's API; empty is https://api.stripe.com")
    api_key: SecretStr = Field(UNSET, description="secret key, sk_test_... or sk_live_...")
    webhook_secret: WebhookSecrets = Field(
        UNSET, description="signing secret of the webhook endpoint, whsec_...; while it rotates two, with a comma"
    )
    connect_webhook_secret: WebhookSecrets = Field(
        UNSET, description="signing secret of the endpoint of venues' events; while it rotates two, with a comma"
    )
    undelivered_poll_seconds: float = Field(
        30, gt=0, description="interval of polling Stripe for undelivered events, in seconds"
    )
    publishable_key: str = Field("", description="publishable key that the API returns to a buyer's browser, pk_...")
    statement_suffix: StatementSuffix = Field(
        "", description="end of the line on a buyer's card statement, at most 10 characters; empty is none"
    )
    receipt_email: bool = Field(default=False, description="whether Stripe mails a receipt to the buyer's address")
    country: Country = Field("", description="country of venues that name none, ISO 3166; empty is that of our account")


class SolanaSettings(Group):
    """The Solana node and our keys."""

    rpc_url: HttpUrl = Field("http://127.0.0.1:8899", description="URL of the JSON-RPC node")
    more_nodes: SolanaNodes = Field(
        "", description="URLs of more nodes of the same chain, separated by spaces; a number before a URL is its weight"
    )
    calls_per_second: float = Field(
        4, gt=0, description="calls of each method to each node a second, at most; public nodes allow 4"
    )
    sends_per_second: float = Field(
        1, gt=0, description="transactions sent to each node a second, at most; the smallest plans allow 1"
    )
    issuer_secret: Seed = Field(
        UNSET, description="32-byte seed, hex or base58, of the key with the authority over mints, metadata and groups"
    )
    payer_secret: Seed = Field(
        UNSET, description="32-byte seed, hex or base58, of the key that pays rent and fees; empty is the issuer's"
    )
    delegate_secret: Seed = Field(
        UNSET, description="32-byte seed, hex or base58, of the key that burns and moves tickets; empty is the issuer's"
    )
    retired_secrets: Seeds = Field(
        UNSET, description="seeds of keys before a rotation, separated by spaces, until no token names them any more"
    )
    address_secret: Seed = Field(
        UNSET, description="32-byte seed, hex or base58, from which mint addresses are derived"
    )
    issuer_address: SolanaAddress | None = Field(
        None, description="address of the issuer, for the API, which has no key of it; empty is that of issuer_secret"
    )
    delegate_address: SolanaAddress | None = Field(
        None, description="address of the delegate, for the API; empty is that of delegate_secret, or the issuer's"
    )
    custody_address: SolanaAddress | None = Field(
        None, description="owner of tickets without a buyer's wallet, which signs nothing; empty is the issuer"
    )
    retired_addresses: SolanaAddresses = Field(
        "", description="addresses of keys before a rotation, separated by spaces, for the API"
    )
    signatures_per_minute: int = Field(
        600, ge=1, description="transactions that a worker signs a minute, at most; beyond it an alarm and a pause"
    )
    priority_fee_min: int = Field(1_000, ge=0, description="lowest price of a compute unit, in micro-lamports")
    priority_fee_max: int = Field(
        200_000, ge=1, description="highest price of a compute unit, in micro-lamports; never more is signed"
    )
    payer_low_lamports: int = Field(
        100_000_000, ge=0, description="lamports of the payer below which minting pauses, with one alarm; 0 is never"
    )
    payer_every_seconds: float = Field(30, gt=0, description="interval of reading the payer's balance, in seconds")
    stop_unfunded_sale: bool = Field(
        default=False, description="whether a sale is refused while the payer cannot pay for its tokens"
    )

    @property
    def key_seeds(self) -> dict[Role, str]:
        """The seed of each role that signs; one without its own has the issuer's."""
        issuer = self.issuer_secret.get_secret_value()
        return {
            "issuer": issuer,
            "payer": self.payer_secret.get_secret_value() or issuer,
            "delegate": self.delegate_secret.get_secret_value() or issuer,
        }

    @property
    def keys(self) -> KeyAddresses:
        """The addresses of our keys."""
        named: dict[Role, str | None] = {
            "issuer": self.issuer_address,
            "delegate": self.delegate_address,
            "custody": self.custody_address,
        }
        return addresses_of(self.key_seeds, named, self.retired_seeds, words_in(self.retired_addresses))

    @property
    def retired_seeds(self) -> tuple[str, ...]:
        """The seeds of retired keys."""
        return words_in(self.retired_secrets.get_secret_value())

    roots_every_seconds: float = Field(
        60.0, gt=0, description="pause between two roots of a show that mints on claim, in seconds"
    )

    @property
    def nodes(self) -> list[tuple[str, int]]:
        """All nodes: URL and weight."""
        return [(self.rpc_url, 1), *nodes_in(self.more_nodes)]


class IpfsSettings(Group):
    """The node of IPFS that keeps the files which tokens point to."""

    rpc_url: HttpUrl | None = Field(
        None, description="URL of a node that speaks Kubo's RPC, at which metadata is pinned; empty pins nothing"
    )
    token: SecretStr = Field(UNSET, description="bearer token of the IPFS node; empty is none")
    every_seconds: int = Field(60, ge=1, description="interval of looking for files that are not pinned, in seconds")
    timeout_seconds: float = Field(20.0, gt=0, description="time that a call to the IPFS node may take, in seconds")


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
    max_concurrent_workflow_tasks: int = Field(
        24,
        ge=2,
        description="workflow tasks taken at once: one that cannot end in five seconds is lost and done again",
    )
    sandbox: Literal["restricted", "none"] = Field(
        "none", description="restricted refuses workflow code clocks, random numbers and IO; none saves processor time"
    )
    metrics_port: int | None = Field(None, ge=1, le=65535, description="port of metrics and probes; empty is none")
    ready_file: Path | None = Field(
        None, description="file to which the worker writes its pid once it polls; empty is none"
    )


class ProjectorSettings(Group):
    """The projector process: metrics and ready file."""

    metrics_port: int | None = Field(None, ge=1, le=65535, description="port of metrics and probes; empty is none")
    ready_file: Path | None = Field(
        None, description="file to which the projector writes its pid once up to date; empty is none"
    )


class TelemetrySettings(Group):
    """What every process tells about itself."""

    log_format: Literal["text", "json"] = Field("text", description="how log lines look: for people, or as JSON")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="least level of our own log lines; libraries are heard from a warning on"
    )
    host: str = Field("127.0.0.1", description="address at which metrics and probes are served, on each METRICS_PORT")
    otlp_endpoint: HttpUrl | None = Field(
        None, description="URL of a collector of traces, OTLP over HTTP; empty records no traces"
    )


class FeeSettings(Group):
    """The fees on top of a price, in ten-thousandths."""

    platform_bps: int = Field(750, ge=0, le=10_000, description="platform fee in ten-thousandths")
    processing_bps: int = Field(290, ge=0, le=10_000, description="processing fee in ten-thousandths")


class DeploymentSettings(Group):
    """The identity of this deployment; its id is in the database."""

    secret: Seed = Field(
        UNSET, description="32-byte seed, hex or base58, from which the API derives ids; never changed later"
    )
