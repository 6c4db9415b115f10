"""The client that every part of the Stripe adapter calls through: connections, error translation, idempotency keys."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import stripe

from adapters.stripe.errors import translated
from adapters.stripe.idempotency import StuckKeys, write_under_keys
from adapters.stripe.mapping import DEPLOYMENT, is_foreign, metadata_value
from adapters.telemetry.traces import outside_call
from domain.core.ids import Deployment

T = TypeVar("T")
PAGE = 100
ListCall = Callable[[Any], Awaitable[Any]]


class _StripeConnections(stripe.AIOHTTPClient):
    """Connections by aiohttp: a call costs a sixth of the processor time that it costs by httpx."""

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send a request and read the answer; translate errors after the headers, which the library does not."""
        with outside_call("stripe", f"{method.upper()} {_resource(url)}") as span:
            stream, status, headers = await self.request_stream_async(method, url, headers, post_data=post_data)
            span.set_attribute("http.response.status_code", status)
            try:
                return await stream.read(), status, headers
            except (aiohttp.ClientError, TimeoutError) as error:
                self._handle_request_error(error)


def _resource(url: str) -> str:
    """Return the resource that a URL names, without ids: `payment_intents/capture`."""
    parts = urlsplit(url).path.split("/")[2:]
    return "/".join(part for part in parts if part.replace("_", "").isalpha() and part.islower())


class StripeClient:
    """Connections for one event loop; close it when the loop ends. It retries only a read, and that once.

    An account may serve several deployments: all keys and metadata name ours, and objects of others are not found.
    `base_url` is Stripe itself unless it is given. `api` has the library's calls; await them through `read` or `write`.
    """

    def __init__(
        self, secret_key: str, deployment: Deployment, *, base_url: str | None = None, timeout_seconds: float = 10.0
    ) -> None:
        self._http = _StripeConnections(timeout=timeout_seconds)
        client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": base_url} if base_url else {},
            max_network_retries=0,
            http_client=self._http,
        )
        self.has_key = bool(secret_key)
        self.deployment_id = deployment.deployment_id
        self._stuck_keys = StuckKeys()
        self.api = client.v1

    def labelled(self, **metadata: str) -> dict[str, str]:
        """Return the metadata of an object that is to be created, with our deployment's id."""
        return {**metadata, DEPLOYMENT: self.deployment_id}

    def own(self, found: Iterable[Any]) -> list[Any]:
        """Return the objects that do not belong to another deployment; objects of 0.1.0 name none."""
        return [one for one in found if not is_foreign(one.metadata, self.deployment_id)]

    def with_key(self, found: Iterable[Any], key: str, name: str = "key") -> Any:
        """Return our object that was made under this key; None when there is none."""
        return next((one for one in self.own(found) if metadata_value(one.metadata, name) == key), None)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def read(self, call: Awaitable[T]) -> T:
        """Await a call that changes nothing, and translate its error."""
        try:
            return await call
        except stripe.StripeError as error:
            raise translated(error, writing=False) from error

    async def list_all(self, call: ListCall, params: Mapping[str, Any]) -> AsyncIterator[Any]:
        """Yield a whole list, newest first; objects added meanwhile are not seen."""
        params = {"limit": PAGE, **params}
        while True:
            page = await self.read(call(params))
            for item in page.data:
                yield item
            if not page.has_more:
                return
            params = {**params, "starting_after": page.data[-1].id}

    async def write(
        self,
        call: Callable[[str], Awaitable[T]],
        key: str,
        find: Callable[[], Awaitable[T | None]],
        *,
        looks_first: bool = False,
    ) -> T:
        """Await a call that has an effect, under its next idempotency key, and translate its error.

        `find` returns the effect if it was made. `looks_first`: see `write_under_keys`.
        """

        async def translating(own_key: str) -> T:
            try:
                return await call(own_key)
            except stripe.StripeError as error:
                raise translated(error, writing=True) from error

        own_key = f"{self.deployment_id}:{key}"
        return await write_under_keys(self._stuck_keys, translating, own_key, find, looks_first=looks_first)


def is_replay(answer: Any) -> bool:
    """Say whether Stripe returned an answer that it had stored under the key, and which may be outdated."""
    response = getattr(answer, "last_response", None)
    return response is not None and response.headers.get("idempotent-replayed") == "true"
