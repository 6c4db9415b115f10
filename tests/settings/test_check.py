"""Settings that are valid one by one and unsafe together are refused for the process that needs them, in one list."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from adapters.solana.keys import issuer_of
from settings import PREFIX, Settings, fields_of, parse_settings, secret_settings, setting_names
from settings.check import (
    NEEDS,
    NEVER_WITHOUT,
    QUEUE_NEEDS,
    TAKES,
    Process,
    faults_of,
    needs_of,
    seeds_of,
    settings_of,
    withheld,
)

ISSUER, OTHER, DEPLOYMENT = "a1" * 32, "b2" * 32, "c3" * 32
KEY = b64encode(bytes(range(32))).decode()
CODE_KEY = b64encode(bytes(range(1, 33))).decode()
SAFE = {
    "ENVIRONMENT": "production",
    "POSTGRES__URL": "postgresql://boxoffice:hidden@db.example/boxoffice",
    "TEMPORAL__ADDRESS": "temporal.example:7233",
    "STRIPE__API_KEY": "sk_live_hidden",
    "STRIPE__PUBLISHABLE_KEY": "pk_live_1",
    "STRIPE__WEBHOOK_SECRET": "whsec_hidden1",
    "STRIPE__CONNECT_WEBHOOK_SECRET": "whsec_hidden2",
    "SOLANA__RPC_URL": "https://rpc.example",
    "SOLANA__ISSUER_SECRET": ISSUER,
    "SOLANA__PAYER_SECRET": "d4" * 32,
    "SOLANA__DELEGATE_SECRET": "e5" * 32,
    "SOLANA__CUSTODY_ADDRESS": str(issuer_of("f6" * 32).pubkey()),
    "SOLANA__ADDRESS_SECRET": OTHER,
    "API__PUBLIC_URL": "https://tickets.example",
    "DEPLOYMENT__SECRET": DEPLOYMENT,
    "PRIVACY__KEYS": f"k1:{KEY}",
    "DOOR__CODE_KEYS": f"k1:{CODE_KEY}",
    "PRIVACY__LOOKUP_SECRET": "hidden" * 6,
    "TEMPORAL__CODEC_KEYS": f"k1:{KEY}",
    "CODEC_SERVER__TOKEN": "hidden" * 6,
    "INTERNAL__TOKEN": "hidden" * 6,
}
DEVELOPMENT = {"ENVIRONMENT": "development"}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting is given and there is no `.env`."""
    monkeypatch.chdir(tmp_path)
    for name, _, _ in setting_names():
        monkeypatch.delenv(name, raising=False)


def read(**changed: str) -> Settings:
    given = {PREFIX + name: value for name, value in (SAFE | changed).items()}
    settings, faults = parse_settings(given)
    assert faults == []
    return settings


def refused(process: str, **changed: str) -> dict[str, str]:
    """Return the refused settings of a process, with the reasons, when these settings differ from safe ones."""
    return {fault.setting.removeprefix(PREFIX): fault.why for fault in faults_of(read(**changed), needs_of(process))}


def test_a_process_is_named_by_its_type() -> None:
    """So that no command asks for the settings of a process that is not in the list."""
    assert set(get_args(Process)) == set(NEEDS)


@pytest.mark.parametrize("process", sorted(NEEDS))
def test_safe_settings_are_taken(process: str) -> None:
    """A process starts in production with settings that are safe."""
    assert refused(process) == {}


@pytest.mark.parametrize("process", sorted(NEEDS))
def test_a_process_starts_with_the_secrets_that_it_needs_and_no_others(process: str) -> None:
    """A secret that a process does not need may be absent, and one that it needs may not."""
    secrets = {name.removeprefix(PREFIX) for name in secret_settings()} & SAFE.keys()
    needed = {name for name in secrets if PREFIX + name in NEEDS[process]}
    settings = dict.fromkeys(secrets - needed, "")
    settings["SOLANA__ISSUER_ADDRESS"] = str(issuer_of(ISSUER).pubkey())
    assert refused(process, **settings) == {}
    for name in needed:
        assert refused(process, **settings, **{name: ""}) == {name: "is not set, and this process needs it"}


@pytest.mark.parametrize(
    ("process", "changed", "name", "why"),
    [
        ("api", {"INTERNAL__TOKEN": ""}, "INTERNAL__TOKEN", "not set"),
        ("api", {"INTERNAL__TOKEN": "hidden"}, "INTERNAL__TOKEN", "6 characters; at least 32"),
        ("api", {"STRIPE__WEBHOOK_SECRET": ""}, "STRIPE__WEBHOOK_SECRET", "not set"),
        ("api", {"STRIPE__CONNECT_WEBHOOK_SECRET": ""}, "STRIPE__CONNECT_WEBHOOK_SECRET", "not set"),
        (
            "api",
            {"STRIPE__CONNECT_WEBHOOK_SECRET": "whsec_hidden1,whsec_hidden3"},
            "STRIPE__CONNECT_WEBHOOK_SECRET",
            "its own",
        ),
        ("api", {"API__PUBLIC_URL": "http://tickets.example"}, "API__PUBLIC_URL", "https"),
        ("api", {"API__PUBLIC_URL": "https://127.0.0.2:8000"}, "API__PUBLIC_URL", "reach"),
        ("api", {"API__PUBLIC_URL": "https://[::1]:8000"}, "API__PUBLIC_URL", "reach"),
        ("api", {"API__PUBLIC_URL": "https://localhost"}, "API__PUBLIC_URL", "reach"),
        ("api", {"API__PUBLIC_URL": "https://0.0.0.0"}, "API__PUBLIC_URL", "reach"),
        ("worker", {"API__PUBLIC_URL": "http://127.0.0.1:8000"}, "API__PUBLIC_URL", "chain"),
        ("worker", {"STRIPE__API_KEY": ""}, "STRIPE__API_KEY", "not set"),
        ("worker", {"STRIPE__API_KEY": "sk_test_hidden"}, "STRIPE__API_KEY", "test key"),
        ("worker", {"STRIPE__API_KEY": "rk_test_hidden"}, "STRIPE__API_KEY", "test key"),
        ("api", {"STRIPE__PUBLISHABLE_KEY": "pk_test_1"}, "STRIPE__PUBLISHABLE_KEY", "test key"),
        (
            "worker",
            {"STRIPE__API_KEY": "sk_test_hidden", "STRIPE__API_BASE": "https://api.stripe.com"},
            "STRIPE__API_KEY",
            "test key",
        ),
        ("worker", {"SOLANA__ISSUER_SECRET": ""}, "SOLANA__ISSUER_SECRET", "not set"),
        ("worker", {"SOLANA__ISSUER_SECRET": "00" * 32}, "SOLANA__ISSUER_SECRET", "zero"),
        ("worker", {"SOLANA__ADDRESS_SECRET": ISSUER}, "SOLANA__ADDRESS_SECRET", "equal to"),
        ("worker", {"SOLANA__PAYER_SECRET": ""}, "SOLANA__PAYER_SECRET", "not set"),
        ("worker", {"SOLANA__DELEGATE_SECRET": ""}, "SOLANA__DELEGATE_SECRET", "not set"),
        ("worker", {"SOLANA__PAYER_SECRET": ISSUER}, "SOLANA__PAYER_SECRET", "equal to"),
        ("worker", {"SOLANA__DELEGATE_SECRET": ISSUER}, "SOLANA__DELEGATE_SECRET", "equal to"),
        ("worker", {"SOLANA__RETIRED_SECRETS": f"{'77' * 32} {ISSUER}"}, "SOLANA__RETIRED_SECRETS", "still in use"),
        (
            "worker",
            {"SOLANA__CUSTODY_ADDRESS": str(issuer_of(ISSUER).pubkey())},
            "SOLANA__CUSTODY_ADDRESS",
            "another role",
        ),
        ("api", {"SOLANA__ISSUER_SECRET": ""}, "SOLANA__ISSUER_ADDRESS", "not set"),
        ("reconcile", {"STRIPE__API_KEY": ""}, "STRIPE__API_KEY", "not set"),
        ("api", {"DEPLOYMENT__SECRET": ""}, "DEPLOYMENT__SECRET", "not set"),
        ("api", {"DEPLOYMENT__SECRET": "00" * 32}, "DEPLOYMENT__SECRET", "zero"),
        ("api", {"API__DEVELOPMENT_KEY": "bo_dev_hidden"}, "API__DEVELOPMENT_KEY", "development alone"),
        ("api", {"SHOP__STACK_FILE": "/hidden/stack.json"}, "SHOP__STACK_FILE", "development alone"),
    ],
)  # fmt: skip
def test_an_unsafe_setting_is_refused_in_production_only(
    process: str, changed: dict[str, str], name: str, why: str
) -> None:
    """The setting is named with its reason, without showing it; development takes it, if the process can start."""
    found = refused(process, **changed)
    assert list(found) == [name]
    assert why in found[name]
    assert "hidden" not in found[name]
    cannot_start = PREFIX + name in NEVER_WITHOUT and why == "not set"
    assert list(refused(process, **changed, **DEVELOPMENT)) == ([name] if cannot_start else [])


def test_custody_is_an_address_of_its_own() -> None:
    """The mint worker does not start in production without one; in development it is the issuer's."""
    given = {PREFIX + name: value for name, value in SAFE.items() if name != "SOLANA__CUSTODY_ADDRESS"}
    settings, _ = parse_settings(given)
    assert [fault.setting for fault in faults_of(settings, needs_of("worker"))] == [f"{PREFIX}SOLANA__CUSTODY_ADDRESS"]
    assert settings.solana.keys.custody == settings.solana.keys.issuer


@pytest.mark.parametrize("environment", ["development", "production"])
@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"FEES__PLATFORM_BPS": "9000", "FEES__PROCESSING_BPS": "1001"}, "FEES__PLATFORM_BPS"),
        ({"SAGA__HOLD_SECONDS": "3601"}, "SAGA__HOLD_SECONDS"),
        ({"TEMPORAL__PROFILE": "nobody-has-made-it"}, "TEMPORAL__PROFILE"),
        ({"SOLANA__ISSUER_ADDRESS": "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM"}, "SOLANA__ISSUER_ADDRESS"),
        ({"SOLANA__DELEGATE_ADDRESS": "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM"}, "SOLANA__DELEGATE_ADDRESS"),
        ({"POSTGRES__URL": "postgresql://u:hidden@h/d?sslrootcert=/no/such.pem"}, "POSTGRES__URL"),
    ],
)
def test_a_contradiction_is_refused_everywhere(environment: str, changed: dict[str, str], name: str) -> None:
    """Fees above 100 % together, a hold above its maximum, half a certificate, another's address, a missing file."""
    for process in NEEDS:
        found = refused(process, **changed, ENVIRONMENT=environment)
        assert list(found) == [name]
        assert "hidden" not in found[name]


def test_a_stripe_of_ones_own_takes_test_keys() -> None:
    """A given API base that is not Stripe's takes any key, such as an emulator's."""
    assert refused("worker", STRIPE__API_KEY="sk_test_1", STRIPE__API_BASE="https://stripe.internal.example") == {}
    assert refused("worker", STRIPE__API_KEY="sk_test_1", STRIPE__API_BASE="https://notstripe.com") == {}


def test_every_seed_is_found_by_its_type() -> None:
    """Each secret setting that is described as a seed is checked, whatever its name."""

    def described() -> Iterator[str]:
        for name, group, field in setting_names():
            if "32-byte seed" in (fields_of(group)[field].description or ""):
                yield name

    given = {name: f"{number:02x}" * 32 for number, name in enumerate(described(), 1)}
    assert set(given) == set(seeds_of(parse_settings(given)[0]))
    assert len(given) >= 2


def test_every_need_is_a_setting() -> None:
    """The list of needs names existing settings."""
    known = {name for name, _, _ in setting_names()}
    assert set().union(*NEEDS.values(), *QUEUE_NEEDS.values(), *TAKES.values()) <= known


def test_a_stack_gives_the_development_key_to_the_api_alone() -> None:
    """Every process that it starts is kept from the secrets that it does not use."""
    key = f"{PREFIX}API__DEVELOPMENT_KEY"
    assert {process for process, secrets in withheld().items() if key not in secrets} == {"api"}
    assert withheld()["projector"] == secret_settings()


def test_a_refused_start_prints_one_list_and_exits_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    """All faults are printed together, bad values and unsafe ones, each once, without secrets."""
    given = SAFE | {"API__PORT": "0", "API__PUBLIC_URL": "nowhere", "INTERNAL__TOKEN": "hidden"}
    with pytest.raises(SystemExit) as ended:
        settings_of("api", given={PREFIX + name: value for name, value in given.items()})
    assert ended.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "api does not start. Refused settings (3):"
    assert [line.split(":")[0].strip().removeprefix(PREFIX) for line in lines[1:]] == [
        "API__PORT", "API__PUBLIC_URL", "INTERNAL__TOKEN"
    ]  # fmt: skip
    assert "hidden" not in "".join(lines)


def test_the_keys_of_codes_are_of_codes_alone() -> None:
    """One of zeros is anybody's; one that also seals personal data or payloads would give both away."""
    assert "zeros" in refused("api", DOOR__CODE_KEYS=f"k1:{b64encode(bytes(32)).decode()}")["DOOR__CODE_KEYS"]
    for taken in (SAFE["PRIVACY__KEYS"], f"k2:{CODE_KEY},k1:{KEY}"):
        assert "shares a key" in refused("api", DOOR__CODE_KEYS=taken)["DOOR__CODE_KEYS"]
    assert "DOOR__CODE_KEYS" in refused("api", DOOR__CODE_KEYS="")
    assert refused("api", DOOR__CODE_KEYS=f"k2:{CODE_KEY}") == {}
