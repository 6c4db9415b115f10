"""The connection to Temporal: address and namespace of the settings, the rest as the SDK's own configuration says.

A profile of `temporalio.envconfig` has TLS, certificates, API key and metadata, from variables `TEMPORAL_...` and a
file of profiles. Without one the connection is plain, and nothing of that is read.
"""

import os
from typing import Protocol

from temporalio.envconfig import ClientConfigProfile, ClientConnectConfig

DEFAULT, OTHER_PROFILE = "default", "TEMPORAL_PROFILE"


class TemporalAddress(Protocol):
    """Address and namespace of a Temporal server, and the profile that secures the connection."""

    @property
    def address(self) -> str:
        """The address as host:port."""

    @property
    def namespace(self) -> str:
        """The namespace of the workflows."""

    @property
    def profile(self) -> str:
        """The name of the profile; empty is a plain connection."""


class ProfileError(ValueError):
    """The profile cannot be used; the message names the fault and shows no secret."""


def connection_of(temporal: TemporalAddress) -> ClientConnectConfig:
    """Return the arguments of `Client.connect`; raise ProfileError for a profile that contradicts the settings."""
    plain = ClientConnectConfig(target_host=temporal.address, namespace=temporal.namespace)
    if not temporal.profile:
        return plain
    try:
        # The default profile may be of variables alone; any other one must be in the file.
        named = None if temporal.profile == DEFAULT else temporal.profile
        variables = {name: value for name, value in os.environ.items() if name != OTHER_PROFILE}
        profile = ClientConfigProfile.load(named, override_env_vars=variables)
        found = profile.to_client_connect_config()
    except (RuntimeError, OSError) as error:
        raise ProfileError(f"profile {temporal.profile!r} cannot be read: {error}") from None
    for name, own, others in (
        ("ADDRESS", temporal.address, profile.address),
        ("NAMESPACE", temporal.namespace, profile.namespace),
    ):
        if others not in {None, "", own}:
            raise ProfileError(f"profile {temporal.profile!r} names {others}: set BOXOFFICE_TEMPORAL__{name} to it")
    if not found.get("tls"):
        raise ProfileError(f"profile {temporal.profile!r} has neither TLS nor an API key; leave it empty")
    return ClientConnectConfig(**{**found, **plain})
