"""Check the settings as a whole, for one process, before it opens anything: what it needs, and what is unsafe."""

import ipaddress
import sys
from collections.abc import Collection, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from adapters.solana.keys import issuer_of, seed_of
from settings import (
    Fault,
    Settings,
    SettingsError,
    fields_of,
    parse_settings,
    plain,
    secret_settings,
    setting_names,
)
from settings.groups import SolanaSettings, TemporalSettings
from settings.values import SECRET_CHARS_MIN, SEED, keys_of, secrets_in

PRODUCTION = "production"
REFUSED_EXIT = 2
FEES_MAX_BPS = 10_000
STRIPE_DOMAIN = "stripe.com"
MACHINES_OWN = "system"  # `sslrootcert=system`: the machine's own list of authorities
FILES_OF_LIBPQ = ("sslrootcert", "sslcert", "sslkey")

PUBLIC_URL = "BOXOFFICE_API__PUBLIC_URL"
ISSUER_SECRET = "BOXOFFICE_SOLANA__ISSUER_SECRET"  # noqa: S105 - the name of a setting
ISSUER_ADDRESS = "BOXOFFICE_SOLANA__ISSUER_ADDRESS"
PAYER_SECRET = "BOXOFFICE_SOLANA__PAYER_SECRET"  # noqa: S105 - the name of a setting
DELEGATE_SECRET = "BOXOFFICE_SOLANA__DELEGATE_SECRET"  # noqa: S105 - the name of a setting
CUSTODY_ADDRESS = "BOXOFFICE_SOLANA__CUSTODY_ADDRESS"
RETIRED_SECRETS = "BOXOFFICE_SOLANA__RETIRED_SECRETS"
ADDRESS_SECRET = "BOXOFFICE_SOLANA__ADDRESS_SECRET"  # noqa: S105 - the name of a setting
STRIPE_KEY = "BOXOFFICE_STRIPE__API_KEY"
WEBHOOK_SECRETS = ("BOXOFFICE_STRIPE__WEBHOOK_SECRET", "BOXOFFICE_STRIPE__CONNECT_WEBHOOK_SECRET")
PUBLISHABLE_KEY = "BOXOFFICE_STRIPE__PUBLISHABLE_KEY"
INTERNAL_TOKEN = "BOXOFFICE_INTERNAL__TOKEN"  # noqa: S105 - the name of a setting
PLATFORM_FEE, PROCESSING_FEE = "BOXOFFICE_FEES__PLATFORM_BPS", "BOXOFFICE_FEES__PROCESSING_BPS"
DEPLOYMENT_SECRET = "BOXOFFICE_DEPLOYMENT__SECRET"  # noqa: S105 - the name of a setting
DEVELOPMENT_KEY = "BOXOFFICE_API__DEVELOPMENT_KEY"
PRIVACY_KEYS, CODEC_KEYS = "BOXOFFICE_PRIVACY__KEYS", "BOXOFFICE_TEMPORAL__CODEC_KEYS"
CODE_KEYS = "BOXOFFICE_DOOR__CODE_KEYS"
LOOKUP_SECRET = "BOXOFFICE_PRIVACY__LOOKUP_SECRET"  # noqa: S105 - the name of a setting
CODEC_TOKEN = "BOXOFFICE_CODEC_SERVER__TOKEN"  # noqa: S105 - the name of a setting
STACK_FILE = "BOXOFFICE_SHOP__STACK_FILE"
HOLD = "BOXOFFICE_SAGA__HOLD_SECONDS"
PROFILE = "BOXOFFICE_TEMPORAL__PROFILE"
LETTERS_ADDRESS, LETTERS_SENDER = "BOXOFFICE_LETTERS__ADDRESS", "BOXOFFICE_LETTERS__SENDER"
LETTERS_SECURITY, LETTERS_USER = "BOXOFFICE_LETTERS__SECURITY", "BOXOFFICE_LETTERS__USER"
LETTERS_PASSWORD = "BOXOFFICE_LETTERS__PASSWORD"  # noqa: S105 - the name of a setting
IPFS_TOKEN = "BOXOFFICE_IPFS__TOKEN"  # noqa: S105 - the name of a setting

# The names in NEEDS, as a type: a command that gives another one is refused by mypy, not by its first user.
Process = Literal[
    "api", "buyer", "codec-server", "doctor", "keys", "letters", "migrate", "mint", "operator", "projector", "prove",
    "purchase", "reconcile", "relay", "repair", "rotate-keys", "search-attributes", "up", "worker",
]  # fmt: skip
# What each process cannot do its work without, beside the addresses of PostgreSQL and Temporal: the only list. A worker
# needs what its queues need. `docker-compose.temporal.yml` and the development stack give each process no other secret.
NEVER_WITHOUT = frozenset({DEPLOYMENT_SECRET, ISSUER_SECRET, ISSUER_ADDRESS, ADDRESS_SECRET})
PRIVACY = frozenset({PRIVACY_KEYS, LOOKUP_SECRET, CODEC_KEYS})
SIGNING = frozenset({ISSUER_SECRET, PAYER_SECRET, DELEGATE_SECRET, CUSTODY_ADDRESS})
QUEUE_NEEDS: Mapping[str, frozenset[str]] = {
    "purchases": PRIVACY | {STRIPE_KEY, PUBLIC_URL},
    "stripe": PRIVACY | {STRIPE_KEY, PUBLIC_URL},
    "ipfs": frozenset({CODEC_KEYS}),
    "webhooks": frozenset({PRIVACY_KEYS, CODEC_KEYS}),
    "letters": frozenset({PRIVACY_KEYS, CODEC_KEYS, DEPLOYMENT_SECRET, CODE_KEYS, PUBLIC_URL}),
    "mint": PRIVACY | SIGNING | {ADDRESS_SECRET, PUBLIC_URL},
}
NEEDS: Mapping[str, frozenset[str]] = {
    "api": PRIVACY | {DEPLOYMENT_SECRET, ISSUER_ADDRESS, *WEBHOOK_SECRETS, INTERNAL_TOKEN, PUBLIC_URL, CODE_KEYS},
    "buyer": PRIVACY - {CODEC_KEYS},
    "codec-server": frozenset({CODEC_KEYS, CODEC_TOKEN}),
    "doctor": frozenset({STRIPE_KEY, CODEC_KEYS}),
    "keys": frozenset(),
    "letters": frozenset(),
    "migrate": frozenset(),
    "operator": frozenset({CODEC_KEYS}),
    "mint": frozenset(),
    "projector": frozenset(),
    "prove": frozenset(),
    "purchase": frozenset(),
    "rotate-keys": frozenset({ISSUER_SECRET, PAYER_SECRET, DELEGATE_SECRET}),
    "reconcile": frozenset({STRIPE_KEY, CODEC_KEYS}),
    "relay": frozenset({CODEC_KEYS}),
    "repair": frozenset({CODEC_KEYS}),
    "search-attributes": frozenset(),
    "up": frozenset(),
    "worker": frozenset().union(*QUEUE_NEEDS.values()),
}
# The secrets that a process uses where they are given.
TAKES: Mapping[str, frozenset[str]] = {
    "api": frozenset({DEVELOPMENT_KEY}),
    "rotate-keys": frozenset({RETIRED_SECRETS}),
    "worker": frozenset({IPFS_TOKEN, RETIRED_SECRETS, LETTERS_PASSWORD}),
}


def needs_of(process: str, queues: Collection[str] = ()) -> frozenset[str]:
    """Return the settings that a process needs; a worker of some queues needs theirs."""
    return frozenset().union(*(QUEUE_NEEDS[queue] for queue in queues)) if queues else NEEDS[process]


def withheld() -> dict[str, frozenset[str]]:
    """Return, for each process, the secrets that it does not use, for a stack that starts them all."""
    return {process: secret_settings() - needs - TAKES.get(process, frozenset()) for process, needs in NEEDS.items()}


def settings_of(process: str, queues: Collection[str] = (), given: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of a process; print every fault and exit with code 2 if there is one."""
    settings, faults = parse_settings(given)
    known = {fault.setting for fault in faults}
    faults += [fault for fault in faults_of(settings, needs_of(process, queues)) if fault.setting not in known]
    if faults:
        sys.stderr.write(f"{process} does not start. {SettingsError(faults)}\n")
        raise SystemExit(REFUSED_EXIT)
    return settings


def faults_of(settings: Settings, needs: Collection[str]) -> Iterator[Fault]:
    """Yield every fault of settings whose values are valid one by one, for a process with these needs."""
    yield from _missing(settings, needs)
    yield from _contradictions(settings)
    yield from _missing_files(settings)
    if settings.environment == PRODUCTION:
        yield from _unsafe_secrets(settings, needs)
        yield from _unsafe_addresses(settings, needs)
        if ISSUER_SECRET in needs and settings.solana.issuer_secret.get_secret_value():
            yield from _shared_keys(settings.solana)


def _shared_keys(solana: SolanaSettings) -> Iterator[Fault]:
    """Yield a custody with the key of another role, and a retired key in use; seeds are compared apart."""
    keys = solana.keys
    if solana.custody_address and keys.custody in {keys.payer, keys.issuer, keys.delegate}:
        yield Fault(CUSTODY_ADDRESS, "is the address of another role; each role has a key of its own")
    if keys.retired & {keys.payer, keys.issuer, keys.delegate, keys.custody}:
        yield Fault(RETIRED_SECRETS, "or BOXOFFICE_SOLANA__RETIRED_ADDRESSES names a key that is still in use")


def seeds_of(settings: Settings) -> dict[str, bytes]:
    """Return every seed that is set, by the name of its setting, found by the type of its field."""
    return {
        name: seed_of(text)
        for name, group, field in setting_names()
        if SEED in fields_of(group)[field].metadata and (text := _text(settings, name))
    }


def _text(settings: Settings, name: str) -> str:
    """Return a setting's value as text; empty when it is not set."""
    for known, group, field in setting_names():
        if known == name:
            value = getattr(getattr(settings, group) if group else settings, field)
            return "" if value is None else plain(value)
    raise KeyError(name)


def _missing(settings: Settings, needs: Collection[str]) -> Iterator[Fault]:
    """Yield the needed settings that are not set; in development only those that the start itself needs."""
    can_derive = bool(settings.solana.issuer_secret.get_secret_value())
    for name in sorted(needs):
        if _text(settings, name) or (name == ISSUER_ADDRESS and can_derive):
            continue
        if settings.environment == PRODUCTION or name in NEVER_WITHOUT:
            yield Fault(name, "is not set, and this process needs it")


def _contradictions(settings: Settings) -> Iterator[Fault]:
    """Yield settings that cannot hold together, in any environment."""
    fees, saga, solana = settings.fees, settings.saga, settings.solana
    if (total := fees.platform_bps + fees.processing_bps) > FEES_MAX_BPS:
        yield Fault(PLATFORM_FEE, f"with {PROCESSING_FEE} the fees are {total / 100:g} %; at most 100 %")
    if saga.hold_seconds > saga.hold_seconds_max:
        yield Fault(HOLD, f"{saga.hold_seconds} exceeds {HOLD}_MAX, which is {saga.hold_seconds_max}")
    for role, secret in (("ISSUER", ISSUER_SECRET), ("DELEGATE", DELEGATE_SECRET)):
        seed, given = _text(settings, secret), getattr(solana, f"{role.lower()}_address")
        if given and seed and str(issuer_of(seed).pubkey()) != given:
            yield Fault(
                f"BOXOFFICE_SOLANA__{role}_ADDRESS", f"is not the address of {secret}; leave it empty to derive it"
            )
    letters = settings.letters
    if letters.address and not letters.sender:
        yield Fault(LETTERS_SENDER, f"is not set, and {LETTERS_ADDRESS} is: letters need a sender")
    if bool(letters.user) != bool(letters.password.get_secret_value()):
        yield Fault(LETTERS_USER, f"goes with {LETTERS_PASSWORD}: set both, or neither")
    yield from _unusable_profile(settings.temporal)


def _unusable_profile(temporal: TemporalSettings) -> Iterator[Fault]:
    """Yield the fault of a profile that cannot be read, or that contradicts the address."""
    if not temporal.profile:
        return
    from adapters.temporal.profile import ProfileError, connection_of  # with Temporal's library

    try:
        connection_of(temporal)
    except ProfileError as error:
        yield Fault(PROFILE, str(error))


def _missing_files(settings: Settings) -> Iterator[Fault]:
    """Yield files that the database's URL names and that do not exist: libpq would only say so at each attempt."""
    given = conninfo_to_dict(settings.postgres.url)
    for parameter in FILES_OF_LIBPQ:
        path = str(given.get(parameter) or "")
        if path and path != MACHINES_OWN and not Path(path).exists():
            yield Fault("BOXOFFICE_POSTGRES__URL", f"{parameter} names a file that does not exist: {path}")


def _short_secrets(settings: Settings, needs: Collection[str]) -> Iterator[Fault]:
    for name in sorted({INTERNAL_TOKEN, LOOKUP_SECRET, CODEC_TOKEN} & set(needs)):
        if 0 < (length := len(_text(settings, name))) < SECRET_CHARS_MIN:
            yield Fault(name, f"has {length} characters; at least {SECRET_CHARS_MIN}")


def _weak_code_keys(settings: Settings) -> Iterator[Fault]:
    """Yield keys of tickets' codes that somebody can guess, or that also open something else."""
    keys = set(keys_of(settings.door.code_keys).values())
    if any(not any(key) for key in keys):
        yield Fault(CODE_KEYS, "has a key of zeros: anybody could make a code")
    others = {*keys_of(settings.privacy.keys).values(), *keys_of(settings.temporal.codec_keys).values()}
    if keys & others:
        yield Fault(CODE_KEYS, f"shares a key with {PRIVACY_KEYS} or {CODEC_KEYS}; each has its own")


def _unsafe_secrets(settings: Settings, needs: Collection[str]) -> Iterator[Fault]:
    yield from _short_secrets(settings, needs)
    if _text(settings, DEVELOPMENT_KEY):
        yield Fault(DEVELOPMENT_KEY, "is for development alone; leave it empty and use `boxoffice keys create`")
    if settings.shop.stack_file is not None:
        yield Fault(STACK_FILE, "lets visitors of the shop kill processes; it is for development alone, leave it empty")
    seeds = seeds_of(settings)
    yield from (Fault(name, "is zero") for name, seed in seeds.items() if not any(seed))
    for (one, first), (other, second) in combinations(seeds.items(), 2):
        if first == second:
            yield Fault(other, f"is equal to {one}; each seed must be another")
    yield from _weak_code_keys(settings)
    ours, venues = (secrets_in(SecretStr(_text(settings, name))) for name in WEBHOOK_SECRETS)
    if set(ours) & set(venues):
        yield Fault(WEBHOOK_SECRETS[1], f"shares a secret with {WEBHOOK_SECRETS[0]}; each endpoint has its own")
    at_stripe = settings.stripe.api_base is None or f".{_host(settings.stripe.api_base)}".endswith(f".{STRIPE_DOMAIN}")
    for name in (STRIPE_KEY, PUBLISHABLE_KEY):
        if at_stripe and "_test_" in _text(settings, name):
            yield Fault(name, "is a test key: no money would move; use a live key")


def _unsafe_addresses(settings: Settings, needs: Collection[str]) -> Iterator[Fault]:
    url = settings.api.public_url
    if PUBLIC_URL in needs and (_is_loopback(_host(url)) or not url.startswith("https://")):
        yield Fault(PUBLIC_URL, "must be an https:// URL that buyers can reach; it is written on chain")
    letters = settings.letters
    if letters.address and letters.security == "none" and not _is_loopback(letters.address.rpartition(":")[0]):
        yield Fault(LETTERS_SECURITY, "must not be none: letters have buyers' addresses, and tickets")


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified
