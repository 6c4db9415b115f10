"""The code of a ticket: its text, its QR code as a picture, and another one in its place."""

from typing import Annotated, Any, Literal

from fastapi import Response
from pydantic import Field
from typing_extensions import TypedDict

from api.http.guard import guarded_router, needs
from api.http.problems import may_answer
from api.http.requests import Body, Deps, TicketId, about
from api.ports import Dependencies
from api.routes.ipfs import PICTURE_POLICY
from domain.core.errors import UnknownSubject, WrongState

router = guarded_router(prefix="/api/v1/tickets/{ticket_id}", tags=["tickets"])
GENERATION_MAX = 65_535
PictureForm = Literal["svg", "png"]
MEDIA_TYPES: dict[PictureForm, str] = {"svg": "image/svg+xml", "png": "image/png"}


def _answers(form: PictureForm) -> dict[int | str, dict[str, Any]]:
    content = {MEDIA_TYPES[form]: {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"description": "The QR code of the ticket's code.", "content": content}}


SVG, PNG = _answers("svg"), _answers("png")


class TicketCodeAnswer(TypedDict):
    """The newest code of a ticket; whoever shows it at the door enters."""

    ticket_id: str
    generation: int
    ticket_code: str


class NewCodeBody(Body):
    """The code to end."""

    generation: Annotated[
        Annotated[int, Field(ge=0, lt=GENERATION_MAX)],
        about("Generation of the code to end, from `GET .../code`; a repeat of the request changes nothing.", 0),
    ]


class NewCode(TypedDict):
    """The generation that is valid now; read the code with `GET /api/v1/tickets/{ticket_id}/code`."""

    ticket_id: str
    generation: int


@router.get("/code", openapi_extra=may_answer(UnknownSubject, WrongState))
@needs("internal", or_buyer=True)
async def read_ticket_code(ticket_id: TicketId, deps: Deps) -> TicketCodeAnswer:
    """Return the newest code of a paid ticket, as its QR code carries it."""
    generation = await deps.door.generation(ticket_id)
    code = deps.ticket_codes.make(ticket_id, generation)
    return {"ticket_id": ticket_id, "generation": generation, "ticket_code": code}


@router.get("/code.svg", response_class=Response, responses=SVG, openapi_extra=may_answer(UnknownSubject, WrongState))
@needs("internal", or_buyer=True)
async def draw_code_as_svg(ticket_id: TicketId, deps: Deps) -> Response:
    """Return the QR code of a paid ticket as SVG; nothing may store it."""
    return await _drawn(ticket_id, "svg", deps)


@router.get("/code.png", response_class=Response, responses=PNG, openapi_extra=may_answer(UnknownSubject, WrongState))
@needs("internal", or_buyer=True)
async def draw_code_as_png(ticket_id: TicketId, deps: Deps) -> Response:
    """Return the QR code of a paid ticket as PNG; nothing may store it."""
    return await _drawn(ticket_id, "png", deps)


@router.post("/code", openapi_extra=may_answer(UnknownSubject, WrongState))
@needs("manage", "internal", or_buyer=True)
async def issue_ticket_code(ticket_id: TicketId, body: NewCodeBody, deps: Deps) -> NewCode:
    """Issue another code in the place of one that was lost or seen by others; the old one is refused at the door."""
    return {"ticket_id": ticket_id, "generation": await deps.door.issue_code_anew(ticket_id, body.generation)}


async def _drawn(ticket_id: str, form: PictureForm, deps: Dependencies) -> Response:
    code = deps.ticket_codes.make(ticket_id, await deps.door.generation(ticket_id))
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": PICTURE_POLICY}
    return Response(deps.ticket_codes.draw(code, form), media_type=MEDIA_TYPES[form], headers=headers)
