"""Following: the event stream of a purchase, so that a buyer who waits need not ask again and again."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.http.problems import not_found
from api.http.read_your_writes import find
from api.http.requests import POSITION_MAX, Deps, IdInPath
from api.http.watch import ChangePoller
from api.ports import Dependencies, Document
from domain.core.transient import TransientError

router = APIRouter(prefix="/api/v1/purchases", tags=["purchases"])
ENDS = {"fulfilled", "cancelled", "refused"}
RETRY_MS = 1_000
SHOWN = ("state", "price", "end_reason", "tickets")


class StreamFinished(Exception):  # noqa: N818 - no error: the client has heard the end
    """A client that heard the end asks again, as browsers do."""


def install(app: FastAPI) -> None:
    """Give the app its watch, and the answer that makes a browser's EventSource stop."""
    app.state.watch = ChangePoller(app.state.deps.queries)
    app.add_exception_handler(StreamFinished, _no_content)


async def _no_content(_: Request, __: Exception) -> Response:
    return Response(status_code=204)


def heard_until(last_event_id: Annotated[str, Header()] = "") -> int:
    """Return the position up to which a client that comes back has heard; what is no position is none."""
    return min(int(last_event_id), POSITION_MAX) if last_event_id.isdecimal() and last_event_id.isascii() else 0


Heard = Annotated[int, Depends(heard_until)]


async def something_to_tell(purchase_id: IdInPath, heard: Heard, deps: Deps) -> None:
    """Refuse a stream of what does not exist; answer 204 to who has heard the end."""
    found = await find(deps.queries, deps.queries.purchase, purchase_id)
    if found is None:
        raise not_found("purchase", purchase_id)
    if found["state"] in ENDS and heard >= _position_of(found):
        raise StreamFinished


@router.get("/{purchase_id}/events", response_class=EventSourceResponse, dependencies=[Depends(something_to_tell)])
async def follow(purchase_id: IdInPath, heard: Heard, deps: Deps, request: Request) -> AsyncIterator[ServerSentEvent]:
    """Stream the purchase as server-sent events: how it stands now, and each time something has become known.

    An event's id is the position of the newest event in it; after a broken connection `Last-Event-ID` goes on from
    there. The event of its end is called `end` and is the last; who asks again after it gets 204.
    """
    watch: ChangePoller = request.app.state.watch
    try:
        async with watch.on(purchase_id) as woken:
            while not watch.is_ending():
                found = await deps.queries.purchase(purchase_id)
                if found is None:  # the read models are being built anew
                    return
                position, has_ended = _position_of(found), found["state"] in ENDS
                if position > heard:
                    heard = position
                    shown = await _shown(found, purchase_id, deps)
                    name = "end" if has_ended else "purchase"
                    yield ServerSentEvent(id=str(position), event=name, retry=RETRY_MS, data=shown)
                if has_ended:
                    return
                await woken.wait()
                woken.clear()
    except TransientError:
        return  # the client comes back with the id of what it heard last


async def _shown(found: Document, purchase_id: str, deps: Dependencies) -> dict[str, Any]:
    secret = await deps.secrets.get(purchase_id) if found["state"] == "awaiting-payment" else None
    return {
        "purchase_id": purchase_id,
        **{name: found.get(name) for name in SHOWN},
        "expires_at": found["hold_until"],
        "client_secret": secret,
        "news": found["timeline"][-1]["text"] if found["timeline"] else None,
    }


def _position_of(found: Document) -> int:
    return found["timeline"][-1]["position"] if found["timeline"] else 0
