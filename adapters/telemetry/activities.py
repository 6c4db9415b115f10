"""Give the lines and spans of an activity the purchase that its command is about."""

from typing import Any

from opentelemetry import trace
from pydantic import BaseModel
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from adapters.telemetry.logs import logged_about


class SubjectInterceptor(Interceptor):
    """Wraps every activity."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Wrap the activity."""
        return _Subject(next)


class _Subject(ActivityInboundInterceptor):
    """Finds the purchase in the command."""

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        """Run the activity with its purchase in the context."""
        purchase_id = next(filter(None, map(purchase_of, input.args)), None)
        if purchase_id is not None:
            trace.get_current_span().set_attribute("boxoffice.purchase_id", purchase_id)
        with logged_about(purchase_id=purchase_id):
            return await self.next.execute_activity(input)


def purchase_of(command: object) -> str | None:
    """Return the id of the purchase that a command names, itself or in one of its parts."""
    if not isinstance(command, BaseModel):
        return None
    if isinstance(found := getattr(command, "purchase_id", None), str):
        return found
    return next(filter(None, map(purchase_of, command.__dict__.values())), None)
