"""A node of IPFS that speaks Kubo's RPC (`/api/v0`): Kubo itself, and the pinning services that offer it."""

from http import HTTPStatus
from typing import Any

import aiohttp

from domain.core.transient import TransientError

RAW_BLOCK = {"cid-codec": "raw", "mhtype": "sha2-256", "pin": "true"}
NOT_PINNED = "is not pinned"


class KuboNode:
    """Stores and pins files of one chunk. Every call raises TransientError for whatever is not a good answer.

    Neither message nor cause of an error shows the URL, which may contain a key.
    """

    def __init__(self, rpc_url: str | None, token: str = "", timeout_seconds: float = 20.0) -> None:
        self._url = None if rpc_url is None else f"{rpc_url.rstrip('/')}/api/v0"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = aiohttp.ClientTimeout(timeout_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def pin(self, content: bytes) -> str:
        """Store a file as one raw block and pin it; return the CID that the node gives it. A repeat is harmless."""
        form = aiohttp.FormData()
        form.add_field("data", content, filename="file", content_type="application/octet-stream")
        status, answer = await self._call("block/put", RAW_BLOCK, form)
        cid = answer.get("Key")
        if status != HTTPStatus.OK or not isinstance(cid, str):
            raise TransientError(f"the IPFS node did not store the file: {status} {answer.get('Message', '')}")
        return cid

    async def is_pinned(self, cid: str) -> bool:
        """Return whether the node keeps a file by itself, and not only until its next clean-up."""
        status, answer = await self._call("pin/ls", {"arg": cid, "type": "recursive"})
        keys, message = answer.get("Keys"), str(answer.get("Message", ""))
        if status == HTTPStatus.OK and isinstance(keys, dict):
            return cid in keys
        if NOT_PINNED in message:
            return False
        raise TransientError(f"the IPFS node did not say whether it pins the file: {status} {message}")

    async def _call(self, verb: str, query: dict[str, str], form: aiohttp.FormData | None = None) -> tuple[int, Any]:
        """Return the status and the JSON object of an answer."""
        if self._url is None:
            raise TransientError("no IPFS node is configured: set BOXOFFICE_IPFS__RPC_URL")
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, headers=self._headers)
        try:
            async with self._session.post(f"{self._url}/{verb}", params=query, data=form) as answer:
                found = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            status = getattr(error, "status", "")
            raise TransientError(f"the IPFS node is unreachable: {type(error).__name__} {status}".rstrip()) from None
        if not isinstance(found, dict):
            raise TransientError(f"the IPFS node answered {answer.status} without an object")
        return answer.status, found
