"""JSON-RPC calls to a Solana node over aiohttp: a fraction of the processor time of the library's own transport."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import aiohttp
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solana.rpc.core import RPCException
from solders.errors import SerdeJSONError
from solders.pubkey import Pubkey
from solders.rpc.responses import RPCError

from adapters.solana.mint_layout import Mint, mint_of
from domain.core.transient import TransientError

ERROR_ANSWERS = get_args(RPCError)
JSON = {"Content-Type": "application/json"}


class NodeClient(AsyncClient):
    """The library's client at commitment "confirmed", with its own connections; close it when the loop ends.

    It never retries: the workflow decides about retries and must see every transient error.
    """

    def __init__(self, rpc_url: str, timeout_seconds: float) -> None:
        super().__init__(rpc_url, Confirmed, http2=False)
        self._provider: Any = _Transport(rpc_url, timeout_seconds)

    async def read_mint(self, address: str) -> Mint | None:
        """Return the mint at an address; None when there is none."""
        with translate_node_errors():
            return mint_of((await self.get_account_info(Pubkey.from_string(address))).value)


class _Transport:
    """The part of the library's client that sends requests, on aiohttp."""

    def __init__(self, rpc_url: str, timeout_seconds: float) -> None:
        self._url = rpc_url
        self._timeout = aiohttp.ClientTimeout(timeout_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def make_request(self, body: Any, parser: Any) -> Any:
        """Return the node's answer; raise RPCException when it is an error."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        async with self._session.post(self._url, data=body.to_json().encode(), headers=JSON) as answer:
            answer.raise_for_status()
            parsed = parser.from_json((await answer.read()).decode())
        if isinstance(parsed, ERROR_ANSWERS):
            raise RPCException(parsed)
        return parsed

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


@contextmanager
def translate_node_errors(*, unknown: bool = False) -> Iterator[None]:
    """Raise TransientError for every error of the network or the node; `unknown`: the call may have had an effect.

    Neither message nor cause is passed on: both may contain the node's address, which often contains an access key.
    """
    try:
        yield
    except RPCException as error:
        raise TransientError(f"the Solana node refused the call: {error}") from None
    except (aiohttp.ClientError, SerdeJSONError, UnicodeDecodeError, TimeoutError, OSError) as error:
        status = getattr(error, "status", "")
        raise TransientError(
            f"the Solana node is unreachable: {type(error).__name__} {status}".rstrip(), unknown=unknown
        ) from None
