"""Bad values and unknown names are refused by the name of their setting, all in one list, without showing a secret."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from settings import PREFIX, Fault, SettingsError, parse_settings, read_settings, setting_names, unknown_names
from settings.groups import SolanaSettings
from settings.values import secrets_in

ADDRESS = "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM"


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting is given and there is no `.env`."""
    monkeypatch.chdir(tmp_path)
    for name, _, _ in setting_names():
        monkeypatch.delenv(name, raising=False)


def faults(name: str, value: str) -> list[Fault]:
    """Return the faults with one setting given, each of them of that setting."""
    found = parse_settings({PREFIX + name: value})[1]
    assert {fault.setting for fault in found} <= {PREFIX + name}
    return found


BAD = [
    ("POSTGRES__URL", "mysql://h/db", "postgresql://"),
    ("POSTGRES__URL", "postgresql://u:hidden@h:70000/db", "port"),
    ("POSTGRES__URL", "postgresql://u:hidden@h:0/db", "port"),
    ("POSTGRES__URL", "postgresql://u:hidden@h/db?sslmod=require", "libpq"),
    ("POSTGRES__URL", "postgresql://u:hid%den@h/db", "libpq"),
    ("POSTGRES__POOL_SIZE", "many", "integer"),
    ("POSTGRES__POOL_SIZE", "0", "greater"),
    ("TEMPORAL__ADDRESS", "127.0.0.1", "host:port"),
    ("TEMPORAL__ADDRESS", "127.0.0.1:99999", "port"),
    ("TEMPORAL__ADDRESS", "http://127.0.0.1:7233", "host:port"),
    ("TEMPORAL__ADDRESS", "::1:7233", "brackets"),
    ("TEMPORAL__ADDRESS", ":7233", "host:port"),
    ("TEMPORAL__ADDRESS", "host:port", "host:port"),
    ("API__METRICS", "perhaps", "boolean"),
    ("STRIPE__API_BASE", "api.stripe.com", "http"),
    ("STRIPE__API_BASE", "https://:443", "host"),
    ("STRIPE__WEBHOOK_SECRET", "whsec_hidden1,whsec_hidden2,whsec_hidden3", "2 with a comma"),
    ("STRIPE__CONNECT_WEBHOOK_SECRET", " , ", "comma"),
    ("SOLANA__MORE_NODES", "https://a.example b.example", "http"),
    ("SOLANA__MORE_NODES", "101 https://a.example", "a weight must be 1 to 100"),
    ("SOLANA__MORE_NODES", "https://a.example 3", "a weight without a URL"),
    ("SOLANA__SENDS_PER_SECOND", "0", "greater than 0"),
    ("SOLANA__RPC_URL", "ws://127.0.0.1:8900", "http"),
    ("SOLANA__RPC_URL", "http://127.0.0.1:88990", "port"),
    ("SOLANA__RPC_URL", "http://[::1", "http"),
    ("SOLANA__RPC_URL", "http://a b/", "http"),
    ("SOLANA__ISSUER_SECRET", "hidden", "32 bytes"),
    ("SOLANA__ISSUER_SECRET", "zz" * 32, "32 bytes"),
    ("SOLANA__ADDRESS_SECRET", "01" * 31, "32 bytes"),
    ("SOLANA__ISSUER_ADDRESS", "0x0", "base58"),
    ("SOLANA__CUSTODY_ADDRESS", "1" * 32, "is a program"),
    ("SOLANA__CUSTODY_ADDRESS", ADDRESS[:-2], "32 bytes"),
    ("API__PORT", "70000", "less"),
    ("API__PUBLIC_URL", "ftp://tickets.example", "http"),
    ("FEES__PLATFORM_BPS", "10001", "less"),
    ("ENVIRONMENT", "prod", "development"),
]


@pytest.mark.parametrize(("name", "value", "why"), BAD, ids=[f"{name}={value[:30]}" for name, value, _ in BAD])
def test_a_bad_value_is_refused_by_the_name_of_its_setting(name: str, value: str, why: str) -> None:
    """The one fault names the variable and the reason, and shows no secret and no password."""
    (fault,) = faults(name, value)
    assert why in fault.why
    assert "hid" not in fault.why
    assert len(value) < 10 or value not in fault.why


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTGRES__URL", "postgresql://a:1,b:2/db?target_session_attrs=read-write&sslmode=verify-full"),
        ("POSTGRES__URL", "postgresql:///boxoffice?host=/run/postgresql"),
        ("TEMPORAL__ADDRESS", "[::1]:7233"),
        ("STRIPE__WEBHOOK_SECRET", "whsec_new,whsec_old"),
        ("SOLANA__CUSTODY_ADDRESS", ADDRESS),
        ("SOLANA__ISSUER_SECRET", "ab" * 32),
        ("SOLANA__RPC_URL", "https://rpc.example/?api-key=1"),
        ("SOLANA__MORE_NODES", "3 https://a.example/?api-key=1 https://b.example"),
    ],
)
def test_a_good_value_is_taken(name: str, value: str) -> None:
    """Addresses of every usual form are read as they are."""
    assert faults(name, value) == []
    assert read_settings({PREFIX + name: value}).given() == {PREFIX + name: value}


def test_every_fault_is_in_one_list() -> None:
    """Two bad values and an unknown name are refused together."""
    with pytest.raises(SettingsError) as refused:
        read_settings({f"{PREFIX}API__PORT": "0", f"{PREFIX}SOLANA__RPC_URL": "nowhere"})
    assert [fault.setting for fault in refused.value.faults] == [f"{PREFIX}SOLANA__RPC_URL", f"{PREFIX}API__PORT"]
    assert str(refused.value).splitlines()[0] == "Refused settings (2):"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("BOXOFFICE_STRIPE__APIKEY", "BOXOFFICE_STRIPE__API_KEY"),
        ("BOXOFFICE_API_PORT", "BOXOFFICE_API__PORT"),
        ("BOXOFFICE_SAGA__HOLD_SECOND", "BOXOFFICE_SAGA__HOLD_SECONDS"),
        ("BOXOFFICE_ENVIRONMNT", "BOXOFFICE_ENVIRONMENT"),
    ],
)
def test_an_unknown_name_suggests_the_right_one(name: str, meant: str) -> None:
    """A name that is no setting is a fault, with the setting that it resembles."""
    assert unknown_names([name, "PATH", "boxoffice_api__port"]) == [
        Fault(name, f"there is no such setting; did you mean {meant}?")
    ]


def test_unknown_names_are_found_in_the_environment_and_in_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sources are read, and a group given as one value is no setting."""
    monkeypatch.setenv("BOXOFFICE_STRIPE", "hidden")
    monkeypatch.setenv("BOXOFFICE_FEES__PLATFORM", "hidden")
    Path(".env").write_text("BOXOFFICE_INTERNAL__TOKENS=hidden\nPOSTGRES_PASSWORD=hidden\n")
    found = parse_settings()[1]
    assert [fault.setting for fault in found] == [
        "BOXOFFICE_FEES__PLATFORM", "BOXOFFICE_INTERNAL__TOKENS", "BOXOFFICE_STRIPE"
    ]  # fmt: skip
    assert "hidden" not in str(SettingsError(found))


def test_the_secrets_of_an_endpoint_are_one_or_two() -> None:
    """While a secret rotates, both are taken; no secret is none."""
    assert secrets_in(SecretStr("a, b")) == ("a", "b")
    assert secrets_in(SecretStr("")) == ()


def test_all_nodes_have_a_url_and_a_weight() -> None:
    """The first is `rpc_url`; a number before a URL is its weight."""
    solana = SolanaSettings(rpc_url="https://one.example", more_nodes="3 https://two.example https://three.example")
    assert solana.nodes == [("https://one.example", 1), ("https://two.example", 3), ("https://three.example", 1)]
