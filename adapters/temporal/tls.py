"""Address and credentials of a Temporal server: TLS and an API key as the settings say."""

from pathlib import Path
from typing import Protocol

from pydantic import SecretStr
from temporalio.service import TLSConfig


class TemporalAddress(Protocol):
    """Address, namespace and credentials of a Temporal server; without `tls` the connection is plain."""

    @property
    def address(self) -> str:
        """The address as host:port."""

    @property
    def namespace(self) -> str:
        """The namespace of the workflows."""

    @property
    def tls(self) -> bool:
        """Whether the connection uses TLS."""

    @property
    def tls_server_ca(self) -> Path | None:
        """The PEM file of the server's authority; None is the machine's own list."""

    @property
    def tls_client_cert(self) -> Path | None:
        """The PEM file of our certificate, if any."""

    @property
    def tls_client_key(self) -> Path | None:
        """The PEM file of its key."""

    @property
    def api_key(self) -> SecretStr:
        """The API key; empty is none."""


def tls_of(temporal: TemporalAddress) -> TLSConfig | bool:
    """Return the TLS configuration; False is a plain connection."""
    if not temporal.tls:
        return False
    return TLSConfig(
        server_root_ca_cert=_content(temporal.tls_server_ca),
        client_cert=_content(temporal.tls_client_cert),
        client_private_key=_content(temporal.tls_client_key),
    )


def _content(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()
