"""The audit: what each subject did, from the events."""

from typing import Annotated

from fastapi import Query
from typing_extensions import TypedDict

from api.http.guard import Caller, guarded_router, needs
from api.http.problems import FORBIDDEN, Problem, may_answer
from api.http.requests import POSITION_MAX, Deps
from domain.views.access import AuditEntry, AuditQuery

router = guarded_router(prefix="/api/v1/audit", tags=["audit"])
PAGE_MAX = 1_000
SUBJECT_PATTERN = r"^[A-Za-z0-9_\-/]{1,100}$"


class AuditAnswer(TypedDict):
    """A page of the audit, oldest first; the page after it begins `after` the position `next`, null at the end."""

    entries: list[AuditEntry]
    next: int | None


@router.get("", openapi_extra=may_answer())
@needs("operate")
async def read_audit(
    deps: Deps,
    caller: Caller,
    after: Annotated[
        int, Query(ge=0, le=POSITION_MAX, description="Position after which to begin.", examples=[1042])
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="Entries at most.", examples=[100])] = 100,
    subject: Annotated[
        str | None, Query(pattern=SUBJECT_PATTERN, description="Only what this key did.", examples=["9f86d081884c7d65"])
    ] = None,
) -> AuditAnswer:
    """Return each event that a key of the tenant caused, in the order of the log."""
    if caller.venue_id:
        raise Problem(FORBIDDEN, "the key of one venue does not read the tenant's audit")
    entries = await deps.queries.audit(AuditQuery(caller.tenant_id, subject or "", after, limit))
    return {"entries": entries, "next": entries[-1]["position"] if len(entries) == limit else None}
