"""The fates of transactions, asked for together: a node tells of 256 in one call, and many mints wait at once."""

import asyncio
from collections.abc import Sequence
from typing import Any

from solana.rpc.async_api import AsyncClient
from solders.signature import Signature

SIGNATURES_MAX = 256
GATHER_SECONDS = 0.02


class Fates:
    """Gathers who asks within a moment into one call; each gets the answer or the error of its call."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._waiting: dict[Signature, asyncio.Future[Any]] = {}
        self._asking: set[asyncio.Task[None]] = set()

    async def of(self, signature: Signature) -> Any:
        """Return what the node says of a transaction, None when it knows nothing."""
        answer = self._waiting.get(signature)
        if answer is None:
            answer = self._waiting[signature] = asyncio.get_running_loop().create_future()
            if len(self._waiting) == 1:
                task = asyncio.create_task(self._ask_soon())
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)
        return await asyncio.shield(answer)

    async def _ask_soon(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        asked, self._waiting = self._waiting, {}
        signatures = list(asked)
        for first in range(0, len(signatures), SIGNATURES_MAX):
            part = signatures[first : first + SIGNATURES_MAX]
            await self._ask([asked[signature] for signature in part], part)

    async def _ask(self, answers: Sequence[asyncio.Future[Any]], signatures: list[Signature]) -> None:
        try:
            found = (await self._client.get_signature_statuses(signatures, search_transaction_history=True)).value
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            for answer in answers:
                answer.set_exception(error)
                answer.exception()  # seen, also where nobody waits any more
            return
        for answer, status in zip(answers, found, strict=True):
            answer.set_result(status)
