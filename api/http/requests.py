"""Types of parameters and body fields, each with its limits."""

import hashlib
import json
import re
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from fastapi import Depends, Header, Path, Query, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from api.http.limits.rates import address_of
from api.http.problems import INVALID_REQUEST, KEY_HEADER, Problem
from api.ports import Dependencies

KEY_CHARS_MAX = 255
KEY_PATTERN = rf"^[\x21-\x7e]([\x20-\x7e]{{0,{KEY_CHARS_MAX - 2}}}[\x21-\x7e])?$"
KEY = re.compile(KEY_PATTERN)
ID_PATTERN = r"^[A-Za-z0-9_\-]{1,64}$"
NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
# Nobody sees these, and a text with them looks like one without: controls, what takes no width, and what turns the
# direction of the text around it. The joiners U+200C and U+200D are accepted where they join, after a character beyond
# ASCII: Persian, the scripts of India and Sri Lanka, and emoji are written with them.
HIDDEN = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
LOOSE_JOINER = r"(?<![^\x00-\x7f\u200c\u200d])[\u200c\u200d]"
HIDDEN_IN_LINE = re.compile(rf"[\t\n{HIDDEN}]|{LOOSE_JOINER}")
HIDDEN_IN_LINES = re.compile(rf"[{HIDDEN}]|{LOOSE_JOINER}")
POSITION_MAX = 2**62
CODE_PATTERN = r"^[A-Za-z0-9_\-]{1,40}$"
CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))  # its text is hashed: it must never change


class Body(BaseModel):
    """The base of every request body: exact types, and no unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


async def dependencies_of(request: Request) -> Dependencies:
    """Return the dependencies that the front door gave to the app."""
    deps: Dependencies = request.app.state.deps
    return deps


def hold_seconds_of(asked: int | None, deps: Dependencies) -> int:
    """Return how long seats are held: as long as was asked for, within the limit of this deployment."""
    longest = deps.limits.hold_seconds_max
    if asked is not None and asked > longest:
        raise Problem(INVALID_REQUEST, f"hold_seconds may be at most {longest}")
    return asked or deps.limits.hold_seconds


def about(description: str, example: Any) -> Any:
    """Return the description and the example of a field."""
    return Field(description=description, examples=[example])


def digest_of(body: BaseModel, salt: str = "") -> str:
    """Return the digest that recognises a body; the salt keeps short personal data from being guessed by it."""
    return digest_of_content(body.model_dump(mode="json"), salt)


def digest_of_content(content: dict[str, Any], salt: str) -> str:
    """Return the digest of a body's content."""
    text = CANONICAL.encode(content)
    return hashlib.sha256(f"{len(salt)}:{salt}{text}".encode()).hexdigest()


def left_out(value: object) -> bool:
    """Leave a field that is null, or a switch that is off, out of the digest."""
    return value is None or value is False


def added(description: str, example: Any) -> Any:
    """Return the same of a field that was added later: old bodies keep their digest, which has it where it is given."""
    return Field(description=description, examples=[example], exclude_if=left_out)


def moment_of(text: object) -> datetime:
    """Parse a timestamp with a UTC offset."""
    if not isinstance(text, str):
        raise ValueError("timestamp must be text, e.g. 2026-12-31T20:00:00+01:00")  # noqa: TRY004 - pydantic's protocol
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("timestamp needs a UTC offset, e.g. +01:00")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("timestamp is outside the calendar") from None


async def client_of(request: Request) -> str:
    """Return the address of the client."""
    return address_of(request.scope)


def local_moment_of(text: object) -> datetime:
    """Parse a timestamp; one without a UTC offset stays without, until it is known in which time zone it is."""
    if not isinstance(text, str):
        raise ValueError("timestamp must be text, e.g. 2026-12-31 or 2026-12-31T20:00:00+01:00")  # noqa: TRY004
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is None else moment_of(text)


@cache
def time_zones() -> frozenset[str]:
    """Return the names of all time zones, found once per process: for that hundreds of files are opened."""
    return frozenset(available_timezones())


def checked_zone(text: str) -> str:
    """Refuse a text that names no time zone."""
    if text not in time_zones():
        raise ValueError("not an IANA time zone such as Europe/Berlin")
    return text


def refuse_hidden(text: str, pattern: re.Pattern[str] = HIDDEN_IN_LINE) -> str:
    """Return a text in which nothing is hidden; raise ValueError with the first character that is."""
    found = pattern.search(text)
    if found is not None:
        place = f"character {found.start() + 1} of the text is U+{ord(found.group()):04X}"
        raise ValueError(f"text must have no control, zero-width or direction characters; {place}")
    return text


def refuse_hidden_but_lines(text: str) -> str:
    """Return a text of several lines in which nothing else is hidden; raise ValueError as `refuse_hidden` does."""
    return refuse_hidden(text, HIDDEN_IN_LINES)


LocalMoment = Annotated[datetime, BeforeValidator(local_moment_of), WithJsonSchema({"type": "string"})]


class Dates:
    """A period, start included and end excluded; either may be left open."""

    def __init__(
        self,
        since: Annotated[
            LocalMoment | None,
            Query(
                alias="from",
                description="Start of the period, included; without an offset it is in the venue's time zone.",
                examples=["2026-12-01"],
            ),
        ] = None,
        until: Annotated[
            LocalMoment | None,
            Query(
                alias="to",
                description="End of the period, excluded; without an offset it is in the venue's time zone.",
                examples=["2027-01-01T00:00:00Z"],
            ),
        ] = None,
    ) -> None:
        """Keep both as they were given."""
        self._ends = since, until

    @property
    def needs_zone(self) -> bool:
        """Whether an end of the period says no offset."""
        return any(end is not None and end.tzinfo is None for end in self._ends)

    def within(self, zone: str) -> tuple[datetime | None, datetime | None]:
        """Return the period in UTC; an end without an offset is in the zone. Refuse one that ends before it begins."""
        since, until = (None if end is None else _in_zone(end, zone) for end in self._ends)
        if since is not None and until is not None and since > until:
            raise Problem(INVALID_REQUEST, "to must be later than from")
        return since, until


def _in_zone(moment: datetime, zone: str) -> datetime:
    """Return a moment in UTC; one without an offset is a time on the clocks of an IANA time zone.

    Of a time that the clocks show twice it is the first; one that they leave out is read as if they had gone on, so
    that a day whose midnight is left out begins with its first moment.
    """
    if moment.tzinfo is None and not zone:
        raise Problem(
            INVALID_REQUEST,
            "a date without a UTC offset needs the venue's time zone: give an offset, e.g. +01:00, or set time_zone of"
            " the venue",
        )
    try:
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except OverflowError:
        raise Problem(INVALID_REQUEST, "timestamp is outside the calendar") from None


Client = Annotated[str, Depends(client_of)]
Deps = Annotated[Dependencies, Depends(dependencies_of)]
Key = Annotated[
    str,
    Header(
        alias=KEY_HEADER,
        min_length=1,
        max_length=KEY_CHARS_MAX,
        pattern=KEY_PATTERN,
        description="Identifies the intended change: a retry with the same key and body changes nothing more.",
        examples=["0b7e9c1e-5f1d-4a53-9d0c-1f6f6f0a7a51"],
    ),
]
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Visible = AfterValidator(refuse_hidden)  # of every text that has no pattern of its own
VisibleLines = AfterValidator(refuse_hidden_but_lines)  # the same, of several lines
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_CONTROLS), Visible]
Gate = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=NO_CONTROLS), Visible]
TicketCode = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_.\-]+$")]
After = Annotated[
    int,
    Query(
        ge=0,
        le=POSITION_MAX,
        description="Wait, for two seconds at most, until the answer contains the event at this position.",
        examples=[1042],
    ),
]
Code = Annotated[str, StringConstraints(pattern=CODE_PATTERN)]
Moment = Annotated[datetime, BeforeValidator(moment_of)]
Zone = Annotated[str, StringConstraints(max_length=64), AfterValidator(checked_zone)]
Quantity = Annotated[int, Field(ge=1, le=50)]


def id_in_path(description: str, example: str) -> Any:
    """Return an id in the path of a route."""
    return Path(pattern=ID_PATTERN, description=description, examples=[example])


PurchaseId = Annotated[str, id_in_path("Id of a purchase.", "pu_4fzq1c0v7d2k")]
ShowId = Annotated[str, id_in_path("Id of a show.", "sh_9k3m2x8r5t1w")]
VenueId = Annotated[str, id_in_path("Id of a venue.", "ve_2b7n4c9s6h3j")]
TicketId = Annotated[str, id_in_path("Id of a ticket.", "ti_8d5g1l7p3q6z")]
RefundId = Annotated[str, id_in_path("Id of a refund.", "rf_6v2y9a4e8u1i")]
