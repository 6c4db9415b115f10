"""HTTP and web socket server of the dev chain."""

import asyncio
import contextlib
import json
import math
import time
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from devstack.chain.account_store import AccountStore
from devstack.chain.executor import Executor
from devstack.chain.faults import AnswerLost, Faults, Limiter, LimitReached
from devstack.chain.rpc.read_methods import ReadMethods
from devstack.chain.rpc.rpc_json import INVALID_PARAMS, RpcError, level
from devstack.chain.rpc.subscriptions import Subscriptions
from devstack.chain.rpc.write_methods import WriteMethods

_BATCH_MAX = 100
_BODY_BYTES_MAX = 512 * 1024
_UNKNOWN_METHOD = -32601
_BAD_REQUEST = -32600
_UNPARSABLE = -32700
_NO_INDEX = -32010
_SLOT_NOT_REACHED = -32016


class Chain:
    """One dev chain: executor, fault switches and RPC methods."""

    def __init__(self, store: AccountStore, slot_ms: int, finalized_slots: int) -> None:
        self.executor = Executor(store, slot_ms, finalized_slots)
        self.read_methods = ReadMethods(self.executor, store)
        self.faults = Faults()
        self._limiter = Limiter(time.monotonic)
        self._methods = self.read_methods.methods() | WriteMethods(self.executor, lambda: self.faults).methods()

    def answer(self, call: Any) -> dict[str, Any]:
        """Answer one JSON-RPC call; raise only `AnswerLost` and `LimitReached`."""
        if not isinstance(call, dict):
            return _failure(None, RpcError(_BAD_REQUEST, "Invalid request"))
        number, name = call.get("id"), str(call.get("method"))
        method = self._methods.get(name)
        if method is None:
            return _failure(number, RpcError(_UNKNOWN_METHOD, "Method not found"))
        if self._limiter.refuses(name, self.faults):
            raise LimitReached
        if self.faults.refuses(name):
            return _failure(number, RpcError(_NO_INDEX, "excluded from account secondary indexes; this RPC method is"))
        self.executor.lag = self.faults.lag_of(name)
        try:
            params = call.get("params") or []
            self._check_slot(params)
            return {"jsonrpc": "2.0", "result": method(params), "id": number}
        except RpcError as error:
            return _failure(number, error)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            return _failure(number, RpcError(INVALID_PARAMS, f"Invalid params: {error!r}"))
        finally:
            self.executor.lag = 0

    def _check_slot(self, params: Any) -> None:
        """Raise RpcError when the answering node has not reached the slot that a call asks for."""
        for options in (one for one in params if isinstance(one, dict)):
            slot = self.executor.slot(level(options))
            if (options.get("minContextSlot") or 0) > slot:
                raise RpcError(_SLOT_NOT_REACHED, "Minimum context slot has not been reached", {"contextSlot": slot})

    def answer_text(self, text: bytes) -> Response:
        """Answer the body of one HTTP request: a single call or a batch."""
        if len(text) > _BODY_BYTES_MAX:
            return Response(status_code=413)
        try:
            call = json.loads(text)
        except ValueError:
            return _json(_failure(None, RpcError(_UNPARSABLE, "Parse error")))
        try:
            if isinstance(call, list):
                return _json([self.answer(one) for one in call[:_BATCH_MAX]])
            answer = self.answer(call)
            odd = self.faults.odd_answer()
            return _json(answer) if odd is None else Response(odd[1], odd[0], media_type="application/json")
        except AnswerLost:
            return Response("response dropped by a fault switch", status_code=503)
        except LimitReached:
            pause = {"Retry-After": str(max(1, math.ceil(self.faults.pause_seconds)))}
            return Response("too many requests", status_code=429, headers=pause)


def build_rpc_app(chain: Chain) -> Starlette:
    """Build the app of the main port: JSON-RPC, web socket, health and fault switches."""

    async def rpc(request: Request) -> Response:
        return chain.answer_text(await request.body())

    async def health(_: Request) -> Response:
        return _json({"status": "ok", "slot": chain.executor.slot()})

    async def read_faults(_: Request) -> Response:
        return _faults(chain)

    async def set_faults(request: Request) -> Response:
        try:
            faults = Faults.model_validate_json(await request.body())
        except ValidationError as wrong:
            return Response(wrong.json(), status_code=422, media_type="application/json")
        chain.executor.fork(faults.fork_slots)
        chain.executor.jump(faults.jump_slots, faults.skip_slots)
        chain.faults = faults.model_copy(update={"jump_slots": 0, "skip_slots": 0, "fork_slots": 0})
        return _faults(chain)

    return Starlette(
        routes=[
            Route("/", rpc, methods=["POST"]),
            Route("/health", health),
            Route("/_chain/faults", read_faults),
            Route("/_chain/faults", set_faults, methods=["POST"]),
            _socket_of(chain),
        ]
    )


def build_socket_app(chain: Chain) -> Starlette:
    """Build the app of the second port, where web3.js version 1 expects the web socket."""
    return Starlette(routes=[_socket_of(chain)])


def _socket_of(chain: Chain) -> WebSocketRoute:
    async def subscribe(socket: WebSocket) -> None:
        await socket.accept()
        subscriptions = Subscriptions(chain.executor, chain.read_methods)
        sender = asyncio.create_task(_send_notifications(socket, subscriptions))
        try:
            while True:
                await socket.send_text(json.dumps(subscriptions.answer(await socket.receive_text())))
        except WebSocketDisconnect:
            pass
        finally:
            sender.cancel()

    return WebSocketRoute("/", subscribe)


async def _send_notifications(socket: WebSocket, subscriptions: Subscriptions) -> None:
    # The client may disconnect between two notifications; the receiving loop notices and ends this one.
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        await subscriptions.send_notifications(socket.send_text)


def _failure(number: Any, error: RpcError) -> dict[str, Any]:
    body: dict[str, Any] = {"code": error.code, "message": str(error)}
    if error.details is not None:
        body["data"] = error.details
    return {"jsonrpc": "2.0", "error": body, "id": number}


def _faults(chain: Chain) -> Response:
    return Response(chain.faults.model_dump_json(), media_type="application/json")


def _json(body: Any) -> Response:
    return Response(json.dumps(body, separators=(",", ":")), media_type="application/json")
