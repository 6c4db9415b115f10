"""One call to Stripe: its error is named, and a server error that stuck to a key is told from one that passes."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import stripe

from adapters.stripe_errors import code_of, is_replayed_failure, meaning_of
from domain.weather import Weather

T = TypeVar("T")


class Replayed(Exception):  # noqa: N818 - a turn of the conversation, never seen outside
    """A server error is what this key will bring from now on."""


async def read(call: Awaitable[T]) -> T:
    """Await a call that changes nothing."""
    try:
        return await call
    except stripe.StripeError as error:
        raise meaning_of(error, writing=False) from error


async def written(act: Callable[[str], Awaitable[T]], key: str) -> T:
    """Await a call that may have an effect, under its key; `Replayed` when another key is needed."""
    try:
        return await act(key)
    except stripe.StripeError as error:
        if is_replayed_failure(error):
            raise Replayed(code_of(error) or "") from error
        raise meaning_of(error, writing=True) from error


async def written_again(act: Callable[[str], Awaitable[T]], key: str, failure: Replayed) -> T:
    """Await the same call under the second key."""
    try:
        return await written(act, f"{key}:2")
    except Replayed:
        raise Weather("Stripe keeps a server error under both keys", unknown=True) from failure


def is_replay(answer: Any) -> bool:
    """Say whether an answer was kept under its key, and so shows the past."""
    response = getattr(answer, "last_response", None)
    return response is not None and response.headers.get("idempotent-replayed") == "true"
