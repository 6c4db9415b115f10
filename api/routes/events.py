"""Outgoing events of a tenant: in pages, or as a stream of server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

from fastapi import Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import StringConstraints
from typing_extensions import TypedDict

from api.http.authenticator import RECHECK_SECONDS
from api.http.guard import Caller, guarded_router, is_still_admitted, needs
from api.http.problems import NOT_FOUND, may_answer, not_found
from api.http.requests import ID_PATTERN, POSITION_MAX, Deps
from api.http.watch import ANYTHING, ChangePoller
from api.ports import Queries
from api.routes.purchase_events import RETRY_MS, Received
from domain.core.transient import TransientError
from domain.views.outgoing.event import OutgoingEvent, OutgoingQuery

router = guarded_router(prefix="/api/v1/events", tags=["events"])
PAGE_MAX = 1_000
STREAMED_AT_ONCE = 100
HEARTBEAT_SECONDS = 15.0
TYPES_MAX = 50
STREAM = "text/event-stream"
NEVER_KEPT = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class EventsPage(TypedDict):
    """Outgoing events, oldest first; the page after them begins `after` the position `next`, null at the end."""

    events: list[OutgoingEvent]
    next: int | None


Accept = Annotated[str, Header(description="With `text/event-stream` the answer is a stream.", examples=[STREAM])]


def asked(
    caller: Caller,
    after: Annotated[
        int, Query(ge=0, le=POSITION_MAX, description="Position after which to begin.", examples=[1042])
    ] = 0,
    types: Annotated[
        list[Annotated[str, StringConstraints(pattern=r"^[a-z_.]{1,60}$")]],
        Query(alias="type", max_length=TYPES_MAX, description="Only these types.", examples=[["order.confirmed"]]),
    ] = [],  # noqa: B006 - FastAPI copies it
    show_id: Annotated[
        str | None, Query(pattern=ID_PATTERN, description="Only events of this show.", examples=["sh_9k3m2x8r5t1w"])
    ] = None,
    venue_id: Annotated[
        str | None, Query(pattern=ID_PATTERN, description="Only events of this venue.", examples=["ve_2b7n4c9s6h3j"])
    ] = None,
) -> OutgoingQuery:
    """Return which events a caller asks for: a key of one venue gets those of its venue."""
    if caller.venue_id and venue_id not in {None, caller.venue_id}:
        raise not_found("venue", venue_id or "")
    return OutgoingQuery(caller.tenant_id, after, 0, tuple(types), show_id, caller.venue_id or venue_id)


@router.get(
    "",
    responses={
        200: {
            "content": {STREAM: {"schema": {"$ref": "#/components/schemas/OutgoingEvent"}}},
            "description": "A page, or with `Accept: text/event-stream` a stream of the same events.",
        }
    },
    response_model=EventsPage,
    openapi_extra=may_answer(NOT_FOUND),
)
@needs("manage", "operate")
async def read_events(
    request: Request,
    deps: Deps,
    query: Annotated[OutgoingQuery, Depends(asked)],
    received: Received,
    accept: Accept = "",
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="Events of a page at most.", examples=[100])] = 100,
) -> EventsPage | Response:
    """Return what happened, in the order of its positions: each event once, with an id that never changes.

    A stream goes on with what happens next; a comment keeps it alive, and it is cut within five seconds of the end of
    its key. After a broken connection `Last-Event-ID`, or `after`, continues behind the last event that was received.
    """
    if STREAM in accept:
        begin = query._replace(after=max(query.after, received), limit=STREAMED_AT_ONCE)
        return StreamingResponse(_stream(request, deps.queries, begin), media_type=STREAM, headers=NEVER_KEPT)
    events = await deps.queries.outgoing(query._replace(limit=limit))
    return {"events": events, "next": events[-1]["position"] if len(events) == limit else None}


async def _stream(request: Request, queries: Queries, query: OutgoingQuery) -> AsyncIterator[bytes]:
    """Send the events after a position, and then each new one; a client reconnects with the id of its last event."""
    watch: ChangePoller = request.app.state.watch
    with suppress(TransientError):
        async with watch.on(ANYTHING) as woken:
            while not watch.is_ending() and await is_still_admitted(request):
                events = await queries.outgoing(query)
                for event in events:
                    yield _sent(event)
                    query = query._replace(after=event["position"])
                if len(events) < query.limit:
                    async for heartbeat in _heartbeats(request, woken):
                        yield heartbeat


async def _heartbeats(request: Request, woken: asyncio.Event) -> AsyncIterator[bytes]:
    """Yield heartbeats until there is a change, or the subject is no longer admitted."""
    quiet_seconds = 0.0
    while not woken.is_set() and await is_still_admitted(request):
        with suppress(TimeoutError):
            await asyncio.wait_for(woken.wait(), RECHECK_SECONDS)
        quiet_seconds += RECHECK_SECONDS
        if quiet_seconds >= HEARTBEAT_SECONDS:
            quiet_seconds = 0.0
            yield KEEPALIVE_COMMENT
    woken.clear()


def _sent(event: OutgoingEvent) -> bytes:
    text = json.dumps(event, separators=(",", ":"))
    return format_sse_event(data_str=text, event=event["type"], id=str(event["position"]), retry=RETRY_MS)
