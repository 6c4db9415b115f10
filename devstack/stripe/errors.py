"""The errors that Stripe answers with: a type, a code and an HTTP status."""

from typing import Any

Json = dict[str, Any]


class ApiError(Exception):
    """An error answer of the API; `effect` says that what was done before it stays, as with a decline."""

    def __init__(
        self, status: int, kind: str, message: str, *, code: str | None = None, effect: bool = False, **more: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.effect = effect
        self.kind = kind
        self.more = more

    @property
    def remembered(self) -> bool:
        """Whether an idempotency key keeps this answer: Stripe forgets what failed before the work began."""
        return self.status < 500 and self.status not in {401, 403, 409, 429} and not self._of_parameters  # noqa: PLR2004

    @property
    def _of_parameters(self) -> bool:
        return (self.code or "").startswith("parameter_")

    def body(self) -> Json:
        """Return the answer's JSON, without the keys that have no value."""
        named = {"type": self.kind, "code": self.code, "message": str(self), **self.more}
        return {"error": {name: value for name, value in named.items() if value is not None}}


def invalid(message: str, *, code: str | None = None, param: str | None = None, **more: Any) -> ApiError:
    """Return a 400 that blames the request."""
    return ApiError(400, "invalid_request_error", message, code=code, param=param, **more)


def unexpected(intent: Json, verb: str, *, effect: bool = False) -> ApiError:
    """Return the 400 for a step that an intent's status does not allow; the intent is in the answer."""
    message = f"This PaymentIntent could not be {verb} because it has a status of {intent['status']}."
    code = "payment_intent_unexpected_state"
    return ApiError(400, "invalid_request_error", message, code=code, effect=effect, payment_intent=intent)


def missing(kind: str, object_id: str, param: str = "id") -> ApiError:
    """Return the 404 for an id that nothing has."""
    text = f"No such {kind}: '{object_id}'"
    return ApiError(404, "invalid_request_error", text, code="resource_missing", param=param)


def unknown_parameter(name: str) -> ApiError:
    """Return the 400 for a parameter that the endpoint does not take."""
    return invalid(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)


def absent_parameter(name: str) -> ApiError:
    """Return the 400 for a parameter that has to be there."""
    return invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)
