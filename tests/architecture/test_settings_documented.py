"""`.env.example` and `settings/model.py` have the same settings, defaults and descriptions."""

import itertools
from pathlib import Path

import pytest
from pydantic import SecretStr

from settings import Settings, fields_of, plain, read_settings, setting_names

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
        info = fields_of(group)[field]
        found[name] = ("" if info.default is None else plain(info.default), info.description or "")
    return found


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    """Names, defaults and descriptions are equal."""
    assert documented() == defined()


def test_every_setting_has_a_description() -> None:
    """No description is empty."""
    assert [name for name, (_, words) in defined().items() if not words] == []


def test_the_example_is_a_valid_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A copy of the example as `.env` gives the defaults, and contains no secret."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text((ROOT / ".env.example").read_text())
    for name in defined():
        monkeypatch.delenv(name, raising=False)
    assert read_settings() == Settings(_env_file=None)


def test_given_settings_are_distinguished_from_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`given` has exactly the settings of the environment, also those equal to the default."""
    monkeypatch.chdir(tmp_path)
    for name in defined():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BOXOFFICE_SAGA__HOLD_SECONDS", "600")
    monkeypatch.setenv("BOXOFFICE_STRIPE__API_KEY", "sk_test_1")
    assert read_settings().given() == {"BOXOFFICE_SAGA__HOLD_SECONDS": "600", "BOXOFFICE_STRIPE__API_KEY": "sk_test_1"}
    assert read_settings().stripe.api_key == SecretStr("sk_test_1")
    assert "sk_test_1" not in repr(read_settings())
