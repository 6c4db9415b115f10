"""The production API without its guard, to measure what the guard costs."""

from starlette.types import Scope

from api import main
from api.http import guard
from api.http.authenticator import DEVELOPMENT_SUBJECT
from api.http.limits.declared import RouteLimits
from domain.access.subject import Subject


async def _anyone(access: guard.Access, limits: RouteLimits, scope: Scope) -> Subject:  # noqa: ARG001 - as `admitted`
    """Admit everyone without a look at the request."""
    return DEVELOPMENT_SUBJECT


if __name__ == "__main__":
    guard.admitted = _anyone
    main.main()
