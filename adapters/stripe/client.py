"""One call to Stripe: its error is named, and a server error that stuck to a key is told from one that passes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

import aiohttp
import stripe

from adapters.stripe.errors import is_replayed_failure, meaning_of
from domain.core.transient import TransientError

T = TypeVar("T")
KEYS_MAX = 8
PAGE = 100
ListCall = Callable[[Any], Awaitable[Any]]


class _StripeConnections(stripe.AIOHTTPClient):
    """Connections to Stripe by aiohttp: a call costs a sixth of the processor time that it costs by httpx."""

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send a request and read the answer; the library names errors up to its headers, here are those after them."""
        stream, status, headers = await self.request_stream_async(method, url, headers, post_data=post_data)
        try:
            return await stream.read(), status, headers
        except (aiohttp.ClientError, TimeoutError) as error:
            self._handle_request_error(error)


class StripeConnection:
    """One client for one event loop; close it when the loop ends. It repeats nothing but a read, and that once.

    `base_url` is Stripe itself unless it is given.
    """

    def __init__(self, secret_key: str, *, base_url: str | None = None, timeout_seconds: float = 10.0) -> None:
        self._http = _StripeConnections(timeout=timeout_seconds)
        client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": base_url} if base_url else {},
            max_network_retries=0,
            http_client=self._http,
        )
        self._api = client.v1

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]


async def read(call: Awaitable[T]) -> T:
    """Await a call that changes nothing."""
    try:
        return await call
    except stripe.StripeError as error:
        raise meaning_of(error, writing=False) from error


async def listed(call: ListCall, params: Mapping[str, Any]) -> AsyncIterator[Any]:
    """Yield a whole list, newest first; what is added meanwhile comes before its beginning, and is not seen."""
    params = {"limit": PAGE, **params}
    while True:
        page = await read(call(params))
        for item in page.data:
            yield item
        if not page.has_more:
            return
        params = {**params, "starting_after": page.data[-1].id}


async def written(
    act: Callable[[str], Awaitable[T]], key: str, find: Callable[[], Awaitable[T | None]] | None = None
) -> T:
    """Await a call that has an effect, once: its error is named, its key is `key`.

    A 5xx that Stripe kept under the key would come for ever. So what the call may have done is looked for by `find`
    (None: doing it again does no harm), and only then it is done under the next key.
    """
    for turn in range(1, KEYS_MAX + 1):
        try:
            return await act(key if turn == 1 else f"{key}:{turn}")
        except stripe.StripeError as error:
            if not is_replayed_failure(error):
                raise meaning_of(error, writing=True) from error
        found = await find() if find is not None else None
        if found is not None:
            return found
    raise TransientError("Stripe keeps a server error under every key", unknown=True)


def is_replay(answer: Any) -> bool:
    """Say whether an answer was kept under its key, and so shows the past."""
    response = getattr(answer, "last_response", None)
    return response is not None and response.headers.get("idempotent-replayed") == "true"
