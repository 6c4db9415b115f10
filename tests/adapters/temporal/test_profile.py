"""A profile of the SDK secures the connection; without one it is plain, whatever the environment has."""

from pathlib import Path

import pytest
from temporalio.service import TLSConfig

from adapters.temporal.profile import ProfileError, connection_of
from settings.groups import TemporalSettings

PLAIN = {"target_host": "127.0.0.1:7233", "namespace": "default"}


@pytest.fixture(autouse=True)
def nobodys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No profile of whoever runs the test is read."""
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "temporal.toml"))


def test_without_a_profile_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key and an address for somebody's command line change nothing."""
    monkeypatch.setenv("TEMPORAL_API_KEY", "secret")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "elsewhere.example:7233")
    assert connection_of(TemporalSettings()) == PLAIN


def test_a_profile_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Certificates, authority, server name, key and metadata come from the SDK's variables."""
    for name in ("CA", "CERT", "KEY"):
        (tmp_path / name).write_text(name)
    monkeypatch.setenv("TEMPORAL_TLS_SERVER_CA_CERT_PATH", str(tmp_path / "CA"))
    monkeypatch.setenv("TEMPORAL_TLS_CLIENT_CERT_PATH", str(tmp_path / "CERT"))
    monkeypatch.setenv("TEMPORAL_TLS_CLIENT_KEY_PATH", str(tmp_path / "KEY"))
    monkeypatch.setenv("TEMPORAL_TLS_SERVER_NAME", "temporal.example")
    monkeypatch.setenv("TEMPORAL_API_KEY", "secret")
    found = connection_of(TemporalSettings(profile="default"))
    expected = TLSConfig(b"CA", "temporal.example", b"CERT", b"KEY")
    assert (found["tls"], found["api_key"]) == (expected, "secret")
    assert {name: found[name] for name in PLAIN} == PLAIN  # type: ignore[literal-required]


def test_a_profile_of_a_file(tmp_path: Path) -> None:
    """A named profile is read from the file; with an API key the connection uses TLS."""
    (tmp_path / "temporal.toml").write_text('[profile.cloud]\naddress = "127.0.0.1:7233"\napi_key = "secret"\n')
    found = connection_of(TemporalSettings(profile="cloud"))
    assert (found["tls"], found["api_key"], found["target_host"]) == (True, "secret", "127.0.0.1:7233")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('[profile.other]\napi_key = "secret"', "cannot be read"),
        ("[profile.cloud]", "has neither TLS nor an API key"),
        ('[profile.cloud]\napi_key = "secret"\naddress = "a.example:7233"', "set BOXOFFICE_TEMPORAL__ADDRESS to it"),
        ('[profile.cloud]\napi_key = "secret"\nnamespace = "shop"', "set BOXOFFICE_TEMPORAL__NAMESPACE to it"),
        ('[profile.cloud.tls]\nclient_cert_path = "/nowhere"\nclient_key_path = "/nowhere"', "cannot be read"),
    ],
)
def test_a_profile_that_cannot_be_used(content: str, fault: str, tmp_path: Path) -> None:
    """The settings stay honest: a profile that is missing, plain or of another server is refused by name."""
    (tmp_path / "temporal.toml").write_text(content)
    with pytest.raises(ProfileError, match=fault) as refused:
        connection_of(TemporalSettings(profile="cloud"))
    assert "secret" not in str(refused.value)
