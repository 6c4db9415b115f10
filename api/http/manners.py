"""Manners of every answer: HEAD for every GET, no sniffing, and nothing stored that may carry a secret."""

import re
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

NO_SNIFF, NO_STORE = (b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")
QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")
# Public, and the same for everybody; all else is not stored.
STORABLE = ("/ipfs/", "/metadata/", "/docs", "/redoc", "/openapi.json", "/assets/")


class Manners:
    """Sets the headers of every answer, and answers HEAD as GET without its body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_head, has_ended = scope["method"] == "HEAD", False

        async def mannered(message: Message) -> None:
            nonlocal has_ended
            if message["type"] == "http.response.start":
                _set_headers(message, scope["path"])
            elif is_head:
                if has_ended:
                    return  # the rest of a stream; the server now reports a disconnect, which ends it
                has_ended, message = True, {"type": "http.response.body"}
            await send(message)

        await self._app({**scope, "method": "GET"} if is_head else scope, receive, mannered)


def _set_headers(start: Message, path: str) -> None:
    ours = [NO_SNIFF]
    if start["status"] >= HTTPStatus.BAD_REQUEST or not path.startswith(STORABLE):
        ours.append(NO_STORE)
    names = [name for name, _ in ours]
    start["headers"] = [header for header in start["headers"] if header[0] not in names] + ours


def prefers(accept: str, wanted: str, usual: str) -> bool:
    """Return whether an Accept header names a media type, with a quality above 0 and not below the usual one's."""
    qualities = dict(_quality(item) for item in accept.split(","))
    quality = qualities.get(wanted, 0.0)
    return quality > 0 and quality >= qualities.get(usual, 0.0)


def _quality(item: str) -> tuple[str, float]:
    """Return a media type of an Accept header and its quality; 0 for a quality that is no number."""
    media_type, *parameters = (part.strip().lower() for part in item.split(";"))
    given = next((value for name, _, value in (part.partition("=") for part in parameters) if name == "q"), "1")
    return media_type, float(given) if QUALITY.fullmatch(given) else 0.0
