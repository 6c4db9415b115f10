"""`.env.example` and `settings.py` name the same settings, with the same defaults and the same words."""

import itertools
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from settings import Settings, SolanaSettings, plain, read_settings, setting_names

ROOT = Path(__file__).parents[2]


def documented() -> dict[str, tuple[str, str]]:
    """Read the example: name to (default, the comment line above it)."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = itertools.pairwise(lines)
    return {
        line.partition("=")[0]: (line.partition("=")[2], above.removeprefix("# "))
        for above, line in pairs
        if line.startswith("BOXOFFICE_")
    }


def defined() -> dict[str, tuple[str, str]]:
    """Read the code: name to (default as it is written in the environment, description)."""
    found = {}
    for name, group, field in setting_names():
        settings = Settings.model_fields[group].annotation
        assert isinstance(settings, type)
        assert issubclass(settings, BaseModel)
        info = settings.model_fields[field]
        found[name] = ("" if info.default is None else plain(info.default), info.description or "")
    return found


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    """Both directions at once: names, defaults and descriptions are equal."""
    assert documented() == defined()


def test_every_setting_has_a_description() -> None:
    """No setting goes without its words."""
    assert [name for name, (_, words) in defined().items() if not words] == []


def test_the_example_is_a_valid_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A copy of the example as `.env` reads to the defaults, and nothing in it is a secret."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text((ROOT / ".env.example").read_text())
    for name in defined():
        monkeypatch.delenv(name, raising=False)
    assert read_settings() == Settings(_env_file=None)


def test_given_settings_are_told_apart_from_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`given` has exactly what the environment set, even when it equals the default."""
    monkeypatch.chdir(tmp_path)
    for name in defined():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BOXOFFICE_SAGA__HOLD_SECONDS", "600")
    monkeypatch.setenv("BOXOFFICE_STRIPE__API_KEY", "sk_test_1")
    assert read_settings().given() == {"BOXOFFICE_SAGA__HOLD_SECONDS": "600", "BOXOFFICE_STRIPE__API_KEY": "sk_test_1"}
    assert read_settings().stripe.api_key == SecretStr("sk_test_1")
    assert "sk_test_1" not in repr(read_settings())


@pytest.mark.parametrize(
    ("rpc_url", "expected"),
    [
        ("http://127.0.0.1:8899", "ws://127.0.0.1:8900"),
        ("https://api.devnet.solana.com", "wss://api.devnet.solana.com"),
        ("https://rpc.example/?api-key=1", "wss://rpc.example/?api-key=1"),
    ],
)
def test_the_web_socket_is_derived_from_the_rpc_url(rpc_url: str, expected: str) -> None:
    """Without a web socket of its own, the node's is found as Solana's tools find it."""
    assert SolanaSettings(rpc_url=rpc_url).web_socket == expected
