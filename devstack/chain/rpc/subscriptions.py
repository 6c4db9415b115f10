"""Web socket subscriptions of one connection: slot and signature notifications."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any

from devstack.chain.executor import Executor
from devstack.chain.rpc import rpc_json
from devstack.chain.rpc.read_methods import ReadMethods

SUBSCRIPTIONS_MAX = 1_000
_POLL_SECONDS = 0.02
_numbers = itertools.count(1)


class Subscriptions:
    """The subscriptions of one connection."""

    def __init__(self, executor: Executor, read_methods: ReadMethods) -> None:
        self._executor = executor
        self._read_methods = read_methods
        self._signatures: dict[int, tuple[str, dict[str, Any]]] = {}
        self._slots: set[int] = set()

    def answer(self, text: str) -> dict[str, Any]:
        """Answer one subscribe or unsubscribe call."""
        try:
            call = json.loads(text)
            result = self._change(call["method"], call.get("params") or [])
        except (ValueError, KeyError, TypeError, IndexError) as error:
            failure = {"code": rpc_json.INVALID_PARAMS, "message": f"Invalid params: {error!r}"}
            return {"jsonrpc": "2.0", "error": failure, "id": None}
        return {"jsonrpc": "2.0", "result": result, "id": call.get("id")}

    async def send_notifications(self, send: Callable[[str], Awaitable[None]]) -> None:
        """Send notifications until cancelled; a signature once, when it reaches the requested level."""
        last_slot = self._executor.slot()
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            slot = self._executor.slot()
            if slot != last_slot:
                last_slot = slot
                for number in list(self._slots):
                    notification = {"slot": slot, "parent": slot - 1, "root": self._executor.slot("finalized")}
                    await send(_notification("slotNotification", number, notification))
            for number, (signature, options) in list(self._signatures.items()):
                landed = self._read_methods.status_at(signature, options)
                if landed is not None:
                    self._signatures.pop(number, None)
                    err = None if landed.err is None else json.loads(landed.err)
                    value = self._read_methods.with_context({"err": err}, options)
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
            self._signatures[number] = (str(params[0]), rpc_json.options_at(params, 1))
        elif method == "slotSubscribe":
            self._slots.add(number)
        else:
            raise ValueError(f"no such method: {method}")
        return number


def _notification(method: str, number: int, result: dict[str, Any]) -> str:
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": {"result": result, "subscription": number}})
