"""Who is asking: a secret key, a connected account behind it, or a browser with a publishable key."""

import base64
import binascii
import secrets
from dataclasses import dataclass

from devstack.stripe.errors import ApiError, Json


@dataclass(frozen=True)
class Caller:
    """The key that came, the connected account it speaks for (empty: the platform), and whether it is a browser's."""

    key: str
    account: str
    public: bool


def identify(headers: Json, params: Json, platform_secret: str | None) -> Caller:
    """Read the caller from the Authorization header, or from a browser's `key`; a 401 when there is none."""
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
