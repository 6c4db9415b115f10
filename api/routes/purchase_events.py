"""The event stream of a purchase, so that a waiting buyer does not have to poll."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from typing_extensions import TypedDict

from api.http.authenticator import RECHECK_SECONDS
from api.http.guard import Caller, guarded_router, is_still_admitted, needs
from api.http.problems import NOT_FOUND, may_answer
from api.http.read_your_writes import require
from api.http.requests import POSITION_MAX, Deps, PurchaseId
from api.http.watch import ChangePoller
from api.ports import Dependencies
from domain.core.timestamp import Timestamp
from domain.core.transient import TransientError
from domain.views.common import PriceDocument, part_of
from domain.views.purchase import ENDED_STATES, PurchaseHistory, PurchaseState, TicketLine

router = guarded_router(prefix="/api/v1/purchases", tags=["purchases"])
RETRY_MS = 1_000


class PurchaseUpdate(TypedDict):
    """The data of one server-sent event; `news` is the newest entry of the purchase's timeline."""

    purchase_id: str
    state: PurchaseState
    price: PriceDocument | None
    end_reason: str | None
    tickets: list[TicketLine]
    expires_at: Timestamp
    client_secret: str | None
    news: str | None


class StreamFinished(Exception):  # noqa: N818 - no error: the client has received the end
    """A client that received the end reconnects, as browsers do."""


def install(app: FastAPI) -> None:
    """Give the app its change poller, and the answer that makes a browser's EventSource stop."""
    app.state.watch = ChangePoller(app.state.deps.queries)
    app.add_exception_handler(StreamFinished, _no_content)


async def _no_content(_: Request, __: Exception) -> Response:
    return Response(status_code=204)


LastEventId = Annotated[
    str, Header(description="Id of the last event that was received; the stream continues after it.", examples=["1042"])
]


def received_position(last_event_id: LastEventId = "") -> int:
    """Return the position of the last event that a reconnecting client received; 0 when the header is no position."""
    return min(int(last_event_id), POSITION_MAX) if last_event_id.isdecimal() and last_event_id.isascii() else 0


Received = Annotated[int, Depends(received_position)]


async def check_stream(purchase_id: PurchaseId, received: Received, deps: Deps) -> None:
    """Answer 404 for an unknown purchase, and 204 when the client has received the end."""
    found = await require("purchase", deps.queries, deps.queries.purchase, purchase_id)
    if found["state"] in ENDED_STATES and received >= _position_of(found):
        raise StreamFinished


@router.get(
    "/{purchase_id}/events",
    response_class=EventSourceResponse,
    dependencies=[Depends(check_stream)],
    responses={
        200: {"model": PurchaseUpdate, "description": "The data of each event."},
        204: {"description": "The client has received the last event."},
    },
    openapi_extra=may_answer(NOT_FOUND),
)
@needs("manage", "refund", "operate", or_buyer=True)
async def follow_purchase(
    purchase_id: PurchaseId, received: Received, deps: Deps, caller: Caller, request: Request
) -> AsyncIterator[ServerSentEvent]:
    """Stream the purchase as server-sent events: its present state, then every change.

    The id of an event is its position; after a broken connection `Last-Event-ID` continues from there. The last event
    is called `end`; a client that connects again after it gets 204. A stream is cut within five seconds of the end of
    its key.
    """
    watch: ChangePoller = request.app.state.watch
    try:
        async with watch.on(purchase_id) as woken:
            while not watch.is_ending():
                found = await deps.queries.purchase(purchase_id)
                if found is None:  # it was there a moment ago; the client reconnects
                    return
                position, has_ended = _position_of(found), found["state"] in ENDED_STATES
                if position > received:
                    received = position
                    shown = await _shown(found, deps, tells_secret=caller.kind == "buyer")
                    name = "end" if has_ended else "purchase"
                    yield ServerSentEvent(id=str(position), event=name, retry=RETRY_MS, data=shown)
                if has_ended:
                    return
                if not await _changed(woken, request):
                    return
    except TransientError:
        return  # the client reconnects with the id of its last event


async def _changed(woken: asyncio.Event, request: Request) -> bool:
    """Wait for a change; return False as soon as the subject of the stream is no longer admitted."""
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(woken.wait(), RECHECK_SECONDS)
        if not await is_still_admitted(request):
            return False
        if woken.is_set():
            woken.clear()
            return True


async def _shown(found: PurchaseHistory, deps: Dependencies, *, tells_secret: bool) -> PurchaseUpdate:
    may_pay = tells_secret and found["state"] == "awaiting-payment"
    return part_of(
        found,
        PurchaseUpdate,
        expires_at=found["hold_until"],
        client_secret=await deps.secrets.get(found["purchase_id"]) if may_pay else None,
        news=found["timeline"][-1]["text"] if found["timeline"] else None,
    )


def _position_of(found: PurchaseHistory) -> int:
    return found["timeline"][-1]["position"] if found["timeline"] else 0
