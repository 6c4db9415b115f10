"""Stripe's error responses: type, code and HTTP status."""

from typing import Any

Json = dict[str, Any]


class ApiError(Exception):
    """An error response; with `effect` the changes made before it are kept, as with a decline."""

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
    def is_stored(self) -> bool:
        """Whether an idempotency key stores this response: Stripe stores none that failed before execution."""
        return self.status < 500 and self.status not in {401, 403, 409, 429} and not self._of_parameters  # noqa: PLR2004

    @property
    def _of_parameters(self) -> bool:
        return (self.code or "").startswith(("parameter_", "payment_method_types_no_longer"))

    def body(self) -> Json:
        """Return the response's JSON, without empty keys."""
        named = {"type": self.kind, "code": self.code, "message": str(self), **self.more}
        return {"error": {name: value for name, value in named.items() if value is not None}}


def invalid(message: str, *, code: str | None = None, param: str | None = None, **more: Any) -> ApiError:
    """Return a 400 for an invalid request."""
    return ApiError(400, "invalid_request_error", message, code=code, param=param, **more)


def unexpected_state(intent: Json, verb: str, *, effect: bool = False) -> ApiError:
    """Return the 400 for a step that an intent's status does not allow; it contains the intent."""
    message = f"This PaymentIntent could not be {verb} because it has a status of {intent['status']}."
    code = "payment_intent_unexpected_state"
    return ApiError(400, "invalid_request_error", message, code=code, effect=effect, payment_intent=intent)


def not_found(kind: str, object_id: str, param: str = "id") -> ApiError:
    """Return the 404 for an unknown id."""
    text = f"No such {kind}: '{object_id}'"
    return ApiError(404, "invalid_request_error", text, code="resource_missing", param=param)


def unknown_parameter(name: str) -> ApiError:
    """Return the 400 for a parameter that the endpoint does not take."""
    return invalid(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)


def missing_parameter(name: str) -> ApiError:
    """Return the 400 for a missing required parameter."""
    return invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)
