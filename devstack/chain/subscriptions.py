"""Web socket subscriptions: news of slots and of signatures, for one connection."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any

from devstack.chain import shapes
from devstack.chain.ledger import Ledger
from devstack.chain.reads import Reads

SUBSCRIPTIONS_MAX = 1_000
_LOOK_SECONDS = 0.02
_numbers = itertools.count(1)


class Subscriptions:
    """What one connection wants to hear of."""

    def __init__(self, ledger: Ledger, reads: Reads) -> None:
        self._ledger = ledger
        self._reads = reads
        self._signatures: dict[int, tuple[str, dict[str, Any]]] = {}
        self._slots: set[int] = set()

    def answer(self, text: str) -> dict[str, Any]:
        """Answer one call of the connection."""
        try:
            call = json.loads(text)
            result = self._change(call["method"], call.get("params") or [])
        except (ValueError, KeyError, TypeError, IndexError) as error:
            failure = {"code": shapes.INVALID_PARAMS, "message": f"Invalid params: {error!r}"}
            return {"jsonrpc": "2.0", "error": failure, "id": None}
        return {"jsonrpc": "2.0", "result": result, "id": call.get("id")}

    async def tell(self, send: Callable[[str], Awaitable[None]]) -> None:
        """Send news until cancelled; a signature is told once, when it reaches the level asked for."""
        told = self._ledger.slot()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            slot = self._ledger.slot()
            if slot != told:
                told = slot
                for number in list(self._slots):
                    news = {"slot": slot, "parent": slot - 1, "root": self._ledger.slot("finalized")}
                    await send(_notification("slotNotification", number, news))
            for number, (signature, wanted) in list(self._signatures.items()):
                landing = self._reads.status_at(signature, wanted)
                if landing is not None:
                    self._signatures.pop(number, None)
                    err = None if landing.err is None else json.loads(landing.err)
                    value = self._reads.with_context({"err": err}, wanted)
                    await send(_notification("signatureNotification", number, value))

    def _change(self, method: str, params: list[Any]) -> int | bool:
        if method in {"signatureUnsubscribe", "slotUnsubscribe"}:
            self._signatures.pop(params[0], None)
            self._slots.discard(params[0])
            return True
        if len(self._signatures) + len(self._slots) >= SUBSCRIPTIONS_MAX:
            raise ValueError("too many subscriptions")
        number = next(_numbers)
        if method == "signatureSubscribe":
            self._signatures[number] = (str(params[0]), shapes.options(params, 1))
        elif method == "slotSubscribe":
            self._slots.add(number)
        else:
            raise ValueError(f"no such method: {method}")
        return number


def _notification(method: str, number: int, result: dict[str, Any]) -> str:
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": {"result": result, "subscription": number}})
