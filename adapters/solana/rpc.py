"""A Solana node over aiohttp: a call costs a fraction of the processor time that the library's own client takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import aiohttp
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.core import RPCException
from solders.errors import SerdeJSONError
from solders.rpc.responses import RPCError

from domain.core.transient import TransientError

REFUSALS = get_args(RPCError)
JSON = {"Content-Type": "application/json"}


class NodeClient(AsyncClient):
    """The library's client at confirmed, with connections of its own; close it when the loop ends.

    The workflow decides about retries: a client that retried too would hide the fault from it.
    """

    def __init__(self, rpc_url: str, timeout_seconds: float) -> None:
        super().__init__(rpc_url, Confirmed, http2=False)
        self._provider: Any = _NodeConnections(rpc_url, timeout_seconds)


class _NodeConnections:
    """What the library's client asks a node with."""

    def __init__(self, rpc_url: str, timeout_seconds: float) -> None:
        self._url = rpc_url
        self._timeout = aiohttp.ClientTimeout(timeout_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def make_request(self, body: Any, parser: Any) -> Any:
        """Return what a node answers; what it refuses is raised."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        async with self._session.post(self._url, data=body.to_json().encode(), headers=JSON) as answer:
            answer.raise_for_status()
            parsed = parser.from_json((await answer.read()).decode())
        if isinstance(parsed, REFUSALS):
            raise RPCException(parsed)
        return parsed

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


@contextmanager
def node_errors(*, unknown: bool = False) -> Iterator[None]:
    """Turn whatever the network or the node can throw into TransientError.

    Neither message nor cause is passed on: both may hold the node's address, and that often holds an access key.
    """
    try:
        yield
    except RPCException as error:
        raise TransientError(f"the node refused: {error}") from None
    except (aiohttp.ClientError, SerdeJSONError, UnicodeDecodeError, TimeoutError, OSError) as error:
        status = getattr(error, "status", "")
        raise TransientError(
            f"the node could not be asked: {type(error).__name__} {status}".rstrip(), unknown=unknown
        ) from None
