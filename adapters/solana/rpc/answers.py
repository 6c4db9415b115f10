"""Read a node's answer: the result that the call asked for, or one of three errors; nothing else leaves this file."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
from solders.rpc.responses import SimulateTransactionResp

from domain.core.transient import TransientError

HTTP_OK = 200
HTTP_TOO_MANY = 429
LIMIT_CODES = frozenset({429, -32429, -32019})
BEHIND_CODES = frozenset({-32005, -32016})  # unhealthy, and below minContextSlot
LIMIT_WORDS = ("rate limit", "too many requests")
PAUSE_SECONDS = 10.0  # a node that refuses for its limit and does not say how long
PAUSE_SECONDS_MAX = 300.0
_SHOWN = 200


class BadAnswerError(TransientError):
    """The node is ill: no connection, no time, or something that is no answer to the call."""


class LimitedError(TransientError):
    """The node refused the call for its limit, for `seconds`; the call had no effect."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class RefusedError(TransientError):
    """The node is well and refused the call; `is_behind`: it lags behind the slot that the call needs."""

    def __init__(self, message: str, code: int, reason: str) -> None:
        super().__init__(message)
        self.is_behind = code in BEHIND_CODES
        self.is_already_processed = "AlreadyProcessed" in reason or "already been processed" in reason


@dataclass(frozen=True)
class HttpAnswer:
    """The answer to one HTTP request."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def parse(answer: HttpAnswer, parser: Any, *, length: int | None = None, unknown: bool = False) -> Any:
    """Return the parsed result; `length` is that of the list asked for, `unknown`: the call may have had an effect.

    Neither message nor cause of an error has the node's address, which often contains an access key.
    """
    if answer.status == HTTP_TOO_MANY:
        raise LimitedError("the Solana node limits its calls: HTTP 429", pause_seconds(answer.headers))
    envelope = _envelope(answer.body)
    if isinstance(envelope.get("error"), dict):
        raise _refusal(envelope["error"], answer.headers)
    if answer.status != HTTP_OK:
        raise BadAnswerError(f"the Solana node answered HTTP {answer.status}", unknown=unknown)
    if "result" not in envelope or "error" in envelope:
        raise BadAnswerError("the Solana node answered without a result", unknown=unknown)
    missing = _missing(envelope["result"], parser)
    if missing:
        raise BadAnswerError(f"the Solana node answered without {missing}", unknown=unknown)
    return _result(answer.body, parser, length, unknown=unknown)


def pause_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float:
    """Return the seconds that `Retry-After` asks for, given in seconds or as a date; a usual pause without it."""
    text = headers.get("Retry-After", "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - (now or datetime.now(UTC))).total_seconds()
        except (ValueError, TypeError):
            return PAUSE_SECONDS
    return min(max(seconds, 0.0), PAUSE_SECONDS_MAX) if seconds == seconds else PAUSE_SECONDS  # noqa: PLR0124 - NaN


def _envelope(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; empty when it is none."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _missing(result: Any, parser: Any) -> str:
    """Name a field that the RPC library would take for empty where it is missing."""
    if parser is not SimulateTransactionResp:
        return ""
    value = result.get("value") if isinstance(result, dict) else None
    return "" if isinstance(value, dict) and "err" in value else "the result of the simulation"


def _refusal(error: dict[str, Any], headers: Mapping[str, str]) -> TransientError:
    """Return a node's error object as an error; the RPC library knows some codes, and panics at others."""
    code, message = error.get("code"), str(error.get("message"))[:_SHOWN]
    details = error.get("data")
    err = details.get("err") if isinstance(details, dict) else None
    text = f"the Solana node refused the call: {code} {message}" + (f": {err}"[:_SHOWN] if err else "")
    if code in LIMIT_CODES or any(words in message.lower() for words in LIMIT_WORDS):
        return LimitedError(text, pause_seconds(headers))
    return RefusedError(text, code if isinstance(code, int) else 0, f"{message} {err}")


def _result(body: bytes, parser: Any, length: int | None, *, unknown: bool) -> Any:
    try:
        parsed = parser.from_json(body.decode())
        value = parsed.value if isinstance(parsed, parser) else None
    except (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError):
        raise
    except BaseException as error:  # noqa: BLE001 - the library's native code panics with a BaseException of its own
        kind = type(error).__name__
        raise BadAnswerError(f"the Solana node's result cannot be read: {kind}", unknown=unknown) from None
    if not isinstance(parsed, parser):
        raise BadAnswerError("the Solana node answered another call", unknown=unknown)
    if length is not None and len(value or ()) != length:
        raise BadAnswerError(f"the Solana node answered {len(value or ())} values of {length}", unknown=unknown)
    return parsed
