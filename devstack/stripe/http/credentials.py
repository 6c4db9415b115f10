"""The caller's credentials: a secret key, optionally for a connected account, or a browser's publishable key."""

import base64
import binascii
import secrets
from dataclasses import dataclass

from devstack.stripe.core.errors import ApiError, Json


@dataclass(frozen=True)
class Caller:
    """The API key, the connected account it acts for (empty: the platform), and whether it is publishable."""

    key: str
    account: str
    public: bool


def identify(headers: Json, params: Json, platform_secret: str | None) -> Caller:
    """Read the caller from the Authorization header or a browser's `key` parameter; raise a 401 without a valid one."""
    key = _bearer(str(headers.get("authorization", ""))) or str(params.get("key", ""))
    if key.startswith("pk_test_"):
        return Caller(key=key, account="", public=True)
    accepted = (
        secrets.compare_digest(key, platform_secret) if platform_secret else key.startswith(("sk_test_", "rk_test_"))
    )
    if not key:
        raise ApiError(401, "invalid_request_error", "You did not provide an API key.")
    if not accepted:
        raise ApiError(401, "invalid_request_error", "Invalid API Key provided.", code="api_key_invalid")
    return Caller(key=key, account=str(headers.get("stripe-account", "")), public=False)


def _bearer(header: str) -> str:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode("ascii", "replace").partition(":")[0]
        except binascii.Error:
            return ""
    return ""
