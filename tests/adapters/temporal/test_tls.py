"""The settings decide how Temporal is connected to: TLS, certificates and API key."""

from pathlib import Path

from pydantic import SecretStr
from temporalio.service import TLSConfig

from adapters.temporal.tls import tls_of
from settings.groups import TemporalSettings


def test_the_settings_decide_about_tls(tmp_path: Path) -> None:
    """Without `tls` the connection is plain; with it the machine's list or the given files decide."""
    assert tls_of(TemporalSettings()) is False
    assert tls_of(TemporalSettings(tls=True)) == TLSConfig()
    files = {name: tmp_path / name for name in ("ca", "cert", "key")}
    for name, path in files.items():
        path.write_text(name)
    secured = TemporalSettings(
        tls=True, tls_server_ca=files["ca"], tls_client_cert=files["cert"], tls_client_key=files["key"]
    )
    assert tls_of(secured) == TLSConfig(server_root_ca_cert=b"ca", client_cert=b"cert", client_private_key=b"key")
    assert "hidden" not in repr(TemporalSettings(api_key=SecretStr("hidden")))
