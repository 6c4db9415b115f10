"""The inbox's web pages, with the mail server beside them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from devstack.servers.inbox.box import Box, Kept, Part
from devstack.servers.inbox.mail import InboxHandler, protocol_of

LOOPBACK = "127.0.0.1"
PAGES = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined)
OURS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; img-src 'self'"}
# A letter is somebody else's page: it runs nothing, and loads nothing but its own pictures.
THEIRS = {"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self'"}


def create_app(folder: Path, smtp_port: int, host: str = LOOPBACK) -> Starlette:
    """Build the application on one folder of letters; the mail server listens while it runs."""
    box = Box(folder)
    handler = InboxHandler(box)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        server = await asyncio.get_running_loop().create_server(lambda: protocol_of(handler), host, smtp_port)
        yield
        server.close()

    return Starlette(routes=pages_of(box), lifespan=lifespan)


def pages_of(box: Box) -> list[Route]:
    """Return the pages of the letters in a box."""

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def letters(_: Request) -> Response:
        """Return all letters, the newest first, without their files."""
        return JSONResponse([described(kept) for kept in box.newest()])

    async def newest(_: Request) -> Response:
        return HTMLResponse(PAGES.get_template("list.html").render(letters=list(box.newest())), headers=OURS)

    async def letter(request: Request) -> Response:
        kept = _found(box, request)
        page = PAGES.get_template("letter.html").render(letter=kept, parts=list(kept.parts()))
        return HTMLResponse(page, headers=OURS)

    async def html(request: Request) -> Response:
        return HTMLResponse(with_pictures(_found(box, request)), headers=THEIRS)

    async def part(request: Request) -> Response:
        one = _numbered(_found(box, request), request.path_params["part"])
        return Response(one.content, media_type=one.media_type, headers={"X-Content-Type-Options": "nosniff"})

    return [
        Route("/health", health),
        Route("/letters.json", letters),
        Route("/", newest),
        Route("/letters/{number:int}", letter),
        Route("/letters/{number:int}/html", html),
        Route("/letters/{number:int}/parts/{part:int}", part),
    ]


def _found(box: Box, request: Request) -> Kept:
    number = request.path_params["number"]
    kept = box.read(number)
    if kept is None:
        raise HTTPException(404, f"letter {number} does not exist")
    return kept


def _numbered(kept: Kept, number: int) -> Part:
    for part in kept.parts():
        if part.number == number:
            return part
    raise HTTPException(404, f"part {number} does not exist")


def with_pictures(kept: Kept) -> str:
    """Return a letter's HTML with its own pictures."""
    html = kept.body("html")
    for part in kept.parts():
        if part.content_id:
            html = html.replace(f"cid:{part.content_id}", f"/letters/{kept.number}/parts/{part.number}")
    return html


def described(kept: Kept) -> dict[str, object]:
    """Return what programs read of a letter."""
    headers = ("Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted")
    return {
        "number": kept.number,
        "receivers": list(kept.receivers),
        **{name.lower().replace("-", "_"): kept.header(name) for name in headers},
        "text": kept.body("plain"),
        "html": kept.body("html"),
        "parts": [
            {"number": part.number, "name": part.name, "media_type": part.media_type, "content_id": part.content_id}
            for part in kept.parts()
        ],
    }
