"""The inbox's web pages, with the mail server beside them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import APIRouter, FastAPI, HTTPException, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from devstack.servers.inbox.box import Box, Kept, Part
from devstack.servers.inbox.mail import InboxHandler, protocol_of

LOOPBACK = "127.0.0.1"
PAGES = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined)
OURS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; img-src 'self'"}
# A letter is somebody else's page: it runs nothing, and loads nothing but its own pictures.
THEIRS = {"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self'"}


def create_app(folder: Path, smtp_port: int, host: str = LOOPBACK) -> FastAPI:
    """Build the application on one folder of letters; the mail server listens while it runs."""
    box = Box(folder)
    handler = InboxHandler(box)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        server = await asyncio.get_running_loop().create_server(lambda: protocol_of(handler), host, smtp_port)
        yield
        server.close()

    app = FastAPI(title="Inbox", lifespan=lifespan, openapi_url=None)
    app.include_router(pages_of(box))
    return app


def pages_of(box: Box) -> APIRouter:
    """Return the pages of the letters in a box."""
    router = APIRouter()

    @router.get("/health")
    async def _health() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/letters.json")
    async def _letters() -> list[dict[str, object]]:
        """Return all letters, the newest first, without their files."""
        return [described(kept) for kept in box.newest()]

    @router.get("/")
    async def _list() -> HTMLResponse:
        return HTMLResponse(PAGES.get_template("list.html").render(letters=list(box.newest())), headers=OURS)

    @router.get("/letters/{number}")
    async def _letter(number: int) -> HTMLResponse:
        kept = _found(box, number)
        page = PAGES.get_template("letter.html").render(letter=kept, parts=list(kept.parts()))
        return HTMLResponse(page, headers=OURS)

    @router.get("/letters/{number}/html")
    async def _html(number: int) -> HTMLResponse:
        return HTMLResponse(with_pictures(_found(box, number)), headers=THEIRS)

    @router.get("/letters/{number}/parts/{part}")
    async def _part(number: int, part: int) -> Response:
        one = _numbered(_found(box, number), part)
        return Response(one.content, media_type=one.media_type, headers={"X-Content-Type-Options": "nosniff"})

    return router


def _found(box: Box, number: int) -> Kept:
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
