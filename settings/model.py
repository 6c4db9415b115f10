"""All settings: typed, frozen, read once by a front door."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple, get_args

from dotenv import dotenv_values
from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from settings.groups import (
    CodecServerSettings,
    DeploymentSettings,
    DoorSettings,
    FeeSettings,
    Group,
    IpfsSettings,
    PayoutSettings,
    PostgresSettings,
    PrivacySettings,
    ProjectorSettings,
    SagaSettings,
    SolanaSettings,
    StripeSettings,
    TelemetrySettings,
    TemporalSettings,
    WorkerSettings,
)
from settings.http import ApiSettings, InternalSettings, LimitSettings, ShopSettings
from settings.letters import LetterSettings
from settings.webhooks import WebhookSettings

ENV_FILE = ".env"
PREFIX = "BOXOFFICE_"
DELIMITER = "__"
UNSET = SecretStr("")


class Settings(BaseSettings):
    """All settings; each comes from BOXOFFICE_GROUP__NAME in the environment or in a file `.env`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        env_file=ENV_FILE,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        enable_decoding=False,  # a group is never given as JSON
        hide_input_in_errors=True,  # a mistyped secret is not printed
    )

    environment: Literal["development", "production"] = Field(
        "development", description="development or production; in production unsafe settings are refused"
    )
    postgres: PostgresSettings = Field(default_factory=PostgresSettings, description="the database")
    temporal: TemporalSettings = Field(default_factory=TemporalSettings, description="the connection to Temporal")
    codec_server: CodecServerSettings = Field(
        default_factory=CodecServerSettings, description="the server that decodes payloads for Temporal's web UI"
    )
    privacy: PrivacySettings = Field(default_factory=PrivacySettings, description="personal data at rest")
    door: DoorSettings = Field(default_factory=DoorSettings, description="tickets' codes")
    stripe: StripeSettings = Field(default_factory=StripeSettings, description="Stripe's API, keys and webhook secrets")
    solana: SolanaSettings = Field(default_factory=SolanaSettings, description="the Solana node and our keys")
    ipfs: IpfsSettings = Field(default_factory=IpfsSettings, description="the node that keeps tokens' metadata")
    api: ApiSettings = Field(default_factory=ApiSettings, description="the HTTP API's address and limits")
    shop: ShopSettings = Field(default_factory=ShopSettings, description="the shop in a browser")
    limits: LimitSettings = Field(default_factory=LimitSettings, description="the limits of callers")
    saga: SagaSettings = Field(default_factory=SagaSettings, description="the time limits of a purchase")
    payouts: PayoutSettings = Field(default_factory=PayoutSettings, description="the schedule of transfers to venues")
    webhooks: WebhookSettings = Field(default_factory=WebhookSettings, description="webhooks that we send")
    letters: LetterSettings = Field(default_factory=LetterSettings, description="letters to buyers")
    worker: WorkerSettings = Field(default_factory=WorkerSettings, description="one worker process")
    projector: ProjectorSettings = Field(default_factory=ProjectorSettings, description="the projector process")
    telemetry: TelemetrySettings = Field(
        default_factory=TelemetrySettings, description="what every process tells about itself"
    )
    fees: FeeSettings = Field(default_factory=FeeSettings, description="the fees on top of a price")
    deployment: DeploymentSettings = Field(
        default_factory=DeploymentSettings, description="the identity of this deployment"
    )
    internal: InternalSettings = Field(default_factory=InternalSettings, description="access to the internal API")

    def given(self) -> dict[str, str]:
        """Return the settings that were given explicitly, by environment name, secrets in plain text."""
        groups = {"": self, **{name: getattr(self, name) for name in type(self).model_fields}}
        return {
            name: plain(value)
            for name, group, field in setting_names()
            if field in groups[group].model_fields_set and (value := getattr(groups[group], field)) is not None
        }


class Fault(NamedTuple):
    """A setting, by its name in the environment, and why it is refused; the text never shows a secret."""

    setting: str
    why: str


class SettingsError(ValueError):
    """Settings that are refused, each with its reason."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        lines = [f"  {fault.setting}: {fault.why}" for fault in faults]
        super().__init__("\n".join((f"Refused settings ({len(lines)}):", *lines)))
        self.faults = tuple(faults)


GROUPS = {
    name
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Group)
}


def plain(value: object) -> str:
    """Return a setting's value as text for the environment."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value).lower() if isinstance(value, bool) else str(value)


def setting_names() -> Iterator[tuple[str, str, str]]:
    """Yield (environment name, group, field) of every setting; the group of a setting without one is empty."""
    for name in Settings.model_fields:
        if name in GROUPS:
            yield from ((f"{PREFIX}{name}{DELIMITER}{field}".upper(), name, field) for field in fields_of(name))
        else:
            yield f"{PREFIX}{name}".upper(), "", name


def fields_of(group: str) -> dict[str, FieldInfo]:
    """Return the definitions of a group's settings, and those of settings without a group for an empty name."""
    kind = Settings.model_fields[group].annotation if group else Settings
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        raise TypeError(f"{group} is not a group of settings")
    return kind.model_fields


def secret_settings() -> frozenset[str]:
    """Return the names of the settings that are secrets, found by their type."""
    return frozenset(
        name
        for name, group, field in setting_names()
        if SecretStr in ((kind := fields_of(group)[field].annotation), *get_args(kind))
    )


def read_settings(given: Mapping[str, str] | None = None) -> Settings:
    """Read the environment and `.env`; a front door calls this once and passes the settings on.

    `given` has settings by environment name that override both, such as those of a running stack. Raise SettingsError
    with every setting that is unknown or has a bad value.
    """
    settings, faults = parse_settings(given)
    if faults:
        raise SettingsError(faults)
    return settings


def parse_settings(given: Mapping[str, str] | None = None) -> tuple[Settings, list[Fault]]:
    """Read the settings; return them, with the default in the place of each bad value, and every fault."""
    values: dict[str, Any] = {}
    for name, group, field in setting_names():
        if given is not None and name in given:
            (values.setdefault(group, {}) if group else values)[field] = given[name]
    faults = unknown_names({*os.environ, *dotenv_values(ENV_FILE)})
    try:
        return Settings(**values), faults
    except ValidationError as error:
        for bad in error.errors(include_url=False, include_context=False, include_input=False):
            group, field = (str(part) for part in ("", *bad["loc"])[-2:])
            if field in GROUPS and not group:
                values[field] = {}  # a name that is unknown, and reported as such
                continue
            name = next(name for name, *path in setting_names() if path == [group, field])
            faults.append(Fault(name, bad["msg"].removeprefix("Value error, ")))
            (values.setdefault(group, {}) if group else values)[field] = fields_of(group)[field].default
        return Settings(**values), faults


def unknown_names(names: Iterable[str]) -> list[Fault]:
    """Return a fault for each name with our prefix that is no setting, with the setting that it resembles."""
    known = {name for name, _, _ in setting_names()}
    unknown = sorted({name for name in names if name.upper().startswith(PREFIX)} - known)
    return [_unknown(name, sorted(known)) for name in unknown if name.upper() not in known]


def _unknown(name: str, known: Sequence[str]) -> Fault:
    close = get_close_matches(name.upper(), known, 1)
    return Fault(name, f"there is no such setting; did you mean {close[0]}?" if close else "there is no such setting")
