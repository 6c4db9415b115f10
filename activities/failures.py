"""How an error leaves an activity: a refusal is final, weather is retried, anything else waits for an operator."""

from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.refusals import Refusal
from domain.weather import Weather

WEATHER = "weather"
BUG = "bug"


class FailureKinds(Interceptor):
    """Puts `KindOfFailure` in front of every activity."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Wrap the activity."""
        return KindOfFailure(next)


class KindOfFailure(ActivityInboundInterceptor):
    """Turns what an activity raises into an `ApplicationError` whose type is the failure's kind or refusal's code."""

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        """Run the activity and name its failure."""
        try:
            return await self.next.execute_activity(input)
        except Refusal as refusal:
            benign = ApplicationErrorCategory.BENIGN  # an answer, not an incident: no stack trace in the log
            raise ApplicationError(
                str(refusal), refusal.data, type=refusal.code, non_retryable=True, category=benign
            ) from None
        except Weather as weather:
            activity.logger.warning("weather: %s", weather)
            raise ApplicationError(str(weather), type=WEATHER, category=ApplicationErrorCategory.BENIGN) from None
        except ApplicationError:
            raise
        except Exception as error:
            activity.logger.exception("an activity failed in a way that is neither refusal nor weather")
            raise ApplicationError(type(error).__name__, type=BUG, non_retryable=True) from error
