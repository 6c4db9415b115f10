"""Check-ins: scans at the gates of a show, those of gates that were offline, their undo, and their counts."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from typing_extensions import TypedDict

from activities.sales.door.check_in import CheckInView, Scan, UploadFault
from api.http.guard import Caller, guarded_router, needs
from api.http.problems import NOT_FOUND, Problem, may_answer
from api.http.read_your_writes import require
from api.http.requests import Body, Deps, Gate, Id, Moment, ShowId, TicketCode, about, id_in_path
from api.ports import Dependencies
from domain.access.subject import Subject
from domain.core.errors import KeyReused, UnknownSubject, WrongState
from domain.core.timestamp import Timestamp
from domain.tickets.admission import AdmissionReason
from domain.views.access import EntryCount, RefusedCount
from domain.views.common import part_of

router = guarded_router(prefix="/api/v1", tags=["door"])
SCANS_MAX = 200
UNKNOWN_CODE = "there is no ticket with this code: it is not of this deployment, or its key was withdrawn"
CheckInId = Annotated[str, id_in_path("Id of a check-in.", "ci_4m2t8b6w1x9k")]
Nonce = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_\-]+$")]
UploadReason = AdmissionReason | UploadFault


class ScannedTicket(Body):
    """A scanned ticket: its code, or its id where somebody looked it up by hand; one of them."""

    nonce: Annotated[Nonce, about("Of this scan alone; the gate sends the same one with every retry.", "7f3a9c")]
    ticket_code: Annotated[TicketCode | None, about("Text of the QR code.", "BX1.k1.MFRGGZDFMZTWQ2LK")] = None
    ticket_id: Annotated[Id | None, about("Id of a ticket that was looked up by hand.", "ti_8d5g1l7p3q6z")] = None

    @model_validator(mode="after")
    def _check_name(self) -> Self:
        if (self.ticket_code is None) == (self.ticket_id is None):
            raise ValueError("give either ticket_code or ticket_id")
        return self


class CheckInBody(ScannedTicket):
    """A scan at a gate."""

    show_id: Annotated[Id, about("Show at whose door it is.", "sh_9k3m2x8r5t1w")]
    gate: Annotated[Gate, about("Gate at which it is.", "North")]


class LateScan(ScannedTicket):
    """A scan by which a gate let somebody in while it was offline."""

    entered_at: Annotated[
        Moment,
        about(
            "When the person entered, by the gate's clock; a later time than now is now.", "2026-12-31T19:30:00+01:00"
        ),
    ]


class UploadBody(Body):
    """Scans of one gate that was offline."""

    show_id: Annotated[Id, about("Show at whose door it was.", "sh_9k3m2x8r5t1w")]
    gate: Annotated[Gate, about("Gate that was offline.", "South")]
    scans: Annotated[
        list[LateScan],
        Field(min_length=1, max_length=SCANS_MAX),
        about(
            "Scans, in any order.",
            [{"nonce": "7f3a9c", "ticket_code": "BX1.k1.MFRGGZDFMZTWQ2LK", "entered_at": "2026-12-31T19:30:00+01:00"}],
        ),
    ]


class CheckInAnswer(TypedDict):
    """A scan and its answer: whether the person may enter, and the reason.

    `first_at` and `first_gate` are the earlier use of a ticket that was used already. A check-in that was `undone`
    keeps its answer.
    """

    check_in_id: str
    show_id: str
    gate: str
    ticket_id: str
    ticket_type_id: str
    admitted: bool
    reason: AdmissionReason
    scanned_at: Timestamp
    first_at: Timestamp | None
    first_gate: str | None
    undone: bool


class UploadedScan(TypedDict):
    """What became of an uploaded scan; `is_conflict`: the person is in, and should not be.

    `check_in` is null for a code that is no ticket's (`not-found`), or a nonce of another ticket's scan
    (`idempotency-key-reused`).
    """

    nonce: str
    is_conflict: bool
    reason: UploadReason
    check_in: CheckInAnswer | None


class UploadAnswer(TypedDict):
    """What became of each uploaded scan, in the order of the request, and the number of conflicts."""

    conflicts: int
    scans: list[UploadedScan]


class DoorCounts(TypedDict):
    """The people who are in by gate and ticket type, and the refused scans by gate and reason.

    An undone check-in is not counted. Redemptions that name no gate are at the gate "".
    """

    show_id: str
    entered: int
    entries: list[EntryCount]
    refused: list[RefusedCount]


@router.post("/checkins", status_code=201, openapi_extra=may_answer(NOT_FOUND, UnknownSubject, KeyReused))
@needs("door", "internal")
async def check_in(body: CheckInBody, deps: Deps, caller: Caller) -> CheckInAnswer:
    """Scan a ticket at a gate: it is used for entry, or the answer says why not.

    Bound to the show and the gate. A scan that is repeated with its nonce, after a lost answer, gets the first answer
    again. The same ticket under another nonce is `already-checked-in`, with the time and the gate of its use.
    """
    scan = _scan(body, body.show_id, body.gate, deps, caller)
    if scan is None:
        raise Problem(NOT_FOUND, UNKNOWN_CODE)
    return _answer(await deps.door.scan(scan))


@router.post("/checkins/batch", openapi_extra=may_answer(UnknownSubject))
@needs("door", "internal")
async def upload_check_ins(body: UploadBody, deps: Deps, caller: Caller) -> UploadAnswer:
    """Take the scans by which a gate let people in while it was offline, and report the conflicts.

    They are taken in the order of their times. A ticket that would not have been admitted then, by what is known now,
    is a conflict: it is kept with its reason, and the ticket stays as it is. Repeats change nothing.
    """
    scans = [_scan(one, body.show_id, body.gate, deps, caller, one.entered_at) for one in body.scans]
    views = iter(await deps.door.upload([scan for scan in scans if scan is not None]))
    found = [
        _uploaded(one.nonce, next(views) if scan else "not-found") for one, scan in zip(body.scans, scans, strict=True)
    ]
    return {"conflicts": sum(one["is_conflict"] for one in found), "scans": found}


@router.post("/checkins/{check_in_id}/undo", openapi_extra=may_answer(UnknownSubject, WrongState))
@needs("manage", "operate", "internal")
async def undo_check_in(check_in_id: CheckInId, deps: Deps) -> CheckInAnswer:
    """Undo a check-in, so that its ticket gives entry again; a repeat changes nothing. A gate's own key cannot."""
    return _answer(await deps.door.undo(check_in_id))


@router.get("/shows/{show_id}/checkins", openapi_extra=may_answer(NOT_FOUND))
@needs("door", "manage", "internal")
async def count_check_ins(show_id: ShowId, deps: Deps) -> DoorCounts:
    """Count who is in, by gate and ticket type, and which scans were refused."""
    await require("show", deps.queries, deps.queries.show, show_id)
    found = await deps.queries.door(show_id)
    entries, refused = (found["entries"], found["refused"]) if found else ([], [])
    return {
        "show_id": show_id,
        "entered": sum(one["count"] for one in entries),
        "entries": [one for one in entries if one["count"]],
        "refused": refused,
    }


def _scan(
    body: ScannedTicket, show_id: str, gate: str, deps: Dependencies, caller: Subject, entered_at: Moment | None = None
) -> Scan | None:
    """Return the scan of a request; None for a code that no key has made."""
    shown = deps.ticket_codes.read(body.ticket_code) if body.ticket_code is not None else None
    if body.ticket_code is not None and shown is None:
        return None
    return Scan(
        check_in_id=deps.identity.derive("ci", caller.tenant_id, show_id, gate, body.nonce),
        show_id=show_id,
        gate=gate,
        ticket_id=shown.ticket_id if shown else body.ticket_id or "",
        generation=shown.generation if shown else None,
        entered_at=entered_at,
    )


def _answer(view: CheckInView) -> CheckInAnswer:
    return part_of(view, CheckInAnswer, admitted=view.reason == "admitted", first_gate=view.first_gate or None)


def _uploaded(nonce: str, found: CheckInView | UploadFault) -> UploadedScan:
    if isinstance(found, CheckInView):
        is_conflict = found.reason != "admitted"
        return {"nonce": nonce, "is_conflict": is_conflict, "reason": found.reason, "check_in": _answer(found)}
    return {"nonce": nonce, "is_conflict": True, "reason": found, "check_in": None}
