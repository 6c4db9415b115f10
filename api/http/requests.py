"""What a request brings: its idempotency key, its ids and its texts, each with a limit."""

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from api.http.problems import Problem
from api.ports import Dependencies

KEY_CHARS_MAX = 255
KEY = re.compile(rf"[\x21-\x7e]([\x20-\x7e]{{0,{KEY_CHARS_MAX - 2}}}[\x21-\x7e])?")
ID_PATTERN = r"^[A-Za-z0-9_\-]{1,64}$"
NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
POSITION_MAX = 2**62
CODE_PATTERN = r"^[A-Za-z0-9_\-]{1,40}$"
CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))  # its text is hashed: it must never change


class Body(BaseModel):
    """The base of every request body: exact types, and no unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


async def dependencies_of(request: Request) -> Dependencies:
    """Return the parts that the front door gave to the app."""
    deps: Dependencies = request.app.state.deps
    return deps


async def idempotency_key(key: Annotated[str | None, Header(alias="Idempotency-Key")] = None) -> str:
    """Return the request's Idempotency-Key, or refuse the request."""
    if not key:
        raise Problem(400, "idempotency-key-missing", "this request needs an Idempotency-Key header")
    if not KEY.fullmatch(key):
        raise Problem(
            400, "idempotency-key-invalid", f"an Idempotency-Key has 1 to {KEY_CHARS_MAX} printable ASCII characters"
        )
    return key


def digest_of(body: BaseModel, salt: str = "") -> str:
    """Return the digest that recognises a body; the salt keeps short personal data from being guessed by it."""
    text = CANONICAL.encode(body.model_dump(mode="json"))
    return hashlib.sha256(f"{len(salt)}:{salt}{text}".encode()).hexdigest()


def left_out(value: object) -> bool:
    """Leave a field that was added later out of the digest where it says nothing: a repeat of old bodies is known."""
    return value is None


def not_asked(value: object) -> bool:
    """Leave a switch that was added later out of the digest where it is off, for the same reason."""
    return value is False


def moment_of(text: object) -> datetime:
    """Read a moment with its offset; any other input is refused."""
    if not isinstance(text, str):
        raise ValueError("a moment is text, as in 2026-12-31T20:00:00+01:00")  # noqa: TRY004 - pydantic's protocol
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment has an offset from UTC")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a moment is within the calendar") from None


Deps = Annotated[Dependencies, Depends(dependencies_of)]
Key = Annotated[str, Depends(idempotency_key)]
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
IdInPath = Annotated[str, Path(pattern=ID_PATTERN)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_CONTROLS)]
After = Annotated[int, Query(ge=0, le=POSITION_MAX, description="wait until this event is in the answer")]
Code = Annotated[str, StringConstraints(pattern=CODE_PATTERN)]
Moment = Annotated[datetime, BeforeValidator(moment_of)]
Quantity = Annotated[int, Field(ge=1, le=50)]
