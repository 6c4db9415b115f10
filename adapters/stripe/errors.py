"""Translate Stripe's errors: transient, a final refusal of the payment, or a wrong request."""

import stripe

from domain.core.errors import PaymentRefused
from domain.core.transient import TransientError

UNEXPECTED_STATE = frozenset({"payment_intent_unexpected_state", "charge_expired_for_capture"})
ALREADY_REFUNDED = "charge_already_refunded"
KEY_REUSED = "idempotency_error"
KEY_IN_USE = "idempotency_key_in_use"
_OUR_MISTAKES = frozenset({"resource_missing", "api_key_expired", "secret_key_required", "url_invalid"})
_SERVER_ERRORS = 500


class StripeRequestError(Exception):
    """Stripe refused the request itself: a wrong API key, a wrong parameter or a reused idempotency key.

    Not transient and no refusal of a payment: a retry does not help, and nothing may be undone because of it.
    """

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason


class ServerError(TransientError):
    """Stripe answered with a 5xx: the outcome of a call that changes something is unknown."""


class StoredServerError(ServerError):
    """Stripe has stored this 5xx under its idempotency key: a repeat under the key returns it again."""


def code_of(error: stripe.StripeError) -> str | None:
    """Return Stripe's code; some classes of the library have it only on the inner object."""
    inner = error.error
    return error.code or (getattr(inner, "code", None) if inner is not None else None)


def is_replayed_failure(error: stripe.StripeError) -> bool:
    """Say whether this 5xx is stored under its idempotency key, so that a repeat returns it again."""
    replayed = (error.headers or {}).get("idempotent-replayed") == "true"
    return replayed and (error.http_status or 0) >= _SERVER_ERRORS


def translated(error: stripe.StripeError, *, writing: bool) -> Exception:
    """Return the exception to raise for an error; `writing` says that the call may have had an effect."""
    code, status = code_of(error), error.http_status or 0
    message = f"Stripe: {type(error).__name__} {status or ''} {code or ''}".rstrip()
    if isinstance(error, stripe.APIConnectionError):
        return TransientError(message, unknown=writing)
    if isinstance(error, stripe.RateLimitError):
        return TransientError(message)
    if status >= _SERVER_ERRORS or code == KEY_IN_USE:
        return _of_server(error, status)(message, unknown=writing)
    if isinstance(error, stripe.CardError):
        return PaymentRefused(message, reason=getattr(error.error, "decline_code", None) or code)
    if isinstance(error, stripe.InvalidRequestError) and not _blames_us(code):
        return PaymentRefused(message, reason=code)
    return StripeRequestError(message, reason=KEY_REUSED if isinstance(error, stripe.IdempotencyError) else code)


def _of_server(error: stripe.StripeError, status: int) -> type[TransientError]:
    if status < _SERVER_ERRORS:
        return TransientError
    return StoredServerError if is_replayed_failure(error) else ServerError


def _blames_us(code: str | None) -> bool:
    return code is not None and (code in _OUR_MISTAKES or code.startswith("parameter_"))
