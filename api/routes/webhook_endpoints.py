"""Webhook endpoints: create, change, switch and delete them, rotate secrets, read the log, send events again."""

from typing import Annotated, Self

from fastapi import Query, Response
from pydantic import AfterValidator, Field, model_validator
from typing_extensions import TypedDict
from yarl import URL

from activities.access.webhooks.endpoints import CreateEndpoint
from api.http.guard import Caller, guarded_router, needs
from api.http.problems import INVALID_REQUEST, NOT_FOUND, Problem, may_answer, not_found
from api.http.requests import POSITION_MAX, Body, Deps, Id, Key, Moment, Visible, about, digest_of, id_in_path
from api.ports import Dependencies
from domain.access.endpoint import EndpointState, WebhookEndpoint
from domain.access.subject import Subject
from domain.core.errors import KeyReused, UnknownSubject, WrongState
from domain.core.timestamp import Timestamp
from domain.views.outgoing.data import MODELS
from domain.views.outgoing.endpoint import DeliveryEntry, EndpointFilter

router = guarded_router(prefix="/api/v1/webhook-endpoints", tags=["events"])
URL_CHARS_MAX = 2_000
TYPES_MAX = 50
PAGE_MAX = 200
EndpointId = Annotated[str, id_in_path("Id of a webhook endpoint.", "we_5k2m8x1r7t4w")]


def checked_url(text: str) -> str:
    """Return a URL that can be called: absolute, http or https, without a password or a fragment."""
    url = URL(text)
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError("must be an absolute https URL")
    if url.user is not None or url.password is not None or url.fragment:
        raise ValueError("must have no user, no password and no fragment")
    return text


def known_type(text: str) -> str:
    """Return the type of an outgoing event."""
    types = {name for name, _ in MODELS}
    if text not in types:
        raise ValueError(f"there is no such type; the types are {', '.join(sorted(types))}")
    return text


Address = Annotated[str, Field(max_length=URL_CHARS_MAX), Visible, AfterValidator(checked_url)]
Types = Annotated[list[Annotated[str, AfterValidator(known_type)]], Field(max_length=TYPES_MAX)]


class EndpointBody(Body):
    """An address that gets outgoing events from now on: of the tenant or of one venue, of all types or of some."""

    url: Annotated[Address, about("Address that is called; put no secret into it.", "https://door.example/events")]
    types: Annotated[Types, about("Types that it gets; empty for all.", ["ticket.issued"])] = Field(
        default_factory=list
    )
    venue_id: Annotated[Id | None, about("Venue whose events it gets; null for all.", "ve_2b7n4c9s6h3j")] = None


class EndpointChange(Body):
    """What changes of an endpoint; null keeps."""

    url: Annotated[Address | None, about("Another address.", "https://door.example/v2/events")] = None
    types: Annotated[Types | None, about("Other types; empty for all.", ["ticket.issued", "ticket.void"])] = None


class Replay(Body):
    """Which events are sent again: one by its id, or all since a time that the endpoint gets."""

    event_id: Annotated[Id | None, about("Id of one event.", "ev_dahihhcgna22okp73wrw4juqxn")] = None
    since: Annotated[Moment | None, about("Time since which all are sent again.", "2026-12-01T00:00:00+01:00")] = None

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.event_id is None) == (self.since is None):
            raise ValueError("name either event_id or since")
        return self


class EndpointAnswer(TypedDict):
    """An endpoint. Its `secret` is told once, when it is made; `failing` was switched off after it failed for days."""

    endpoint_id: str
    url: str
    types: list[str]
    venue_id: str | None
    state: EndpointState
    created_at: Timestamp
    secret: str | None


class EndpointList(TypedDict):
    """The endpoints of a tenant, or of a key's venue."""

    endpoints: list[EndpointAnswer]


class DeliveryPage(TypedDict):
    """What became of events, the newest first; the page after it is `before` the position `next`, null at the end."""

    deliveries: list[DeliveryEntry]
    next: int | None


class ReplayAnswer(TypedDict):
    """The number of events that are sent again."""

    events: int


@router.post("", status_code=201, openapi_extra=may_answer(UnknownSubject, KeyReused))
@needs("manage")
async def create_webhook_endpoint(
    body: EndpointBody, key: Key, deps: Deps, caller: Caller, response: Response
) -> EndpointAnswer:
    """Create an endpoint. The answer has its secret, which is told this once; a repeat of the request has none."""
    venue_id = body.venue_id or caller.venue_id
    if caller.venue_id and venue_id != caller.venue_id:
        raise not_found("venue", venue_id)
    _check_allowed(body.url, deps)
    endpoint_id = deps.identity.of_key("we", caller.name, key)
    command = CreateEndpoint(
        endpoint_id=endpoint_id,
        tenant_id=caller.tenant_id,
        venue_id=venue_id,
        url=body.url,
        types=body.types,
        after=await deps.queries.head(),
        body_digest=digest_of(body, key),
    )
    secret = await deps.endpoints.create(command)
    response.headers["Location"] = f"/api/v1/webhook-endpoints/{endpoint_id}"
    return _shown(await _endpoint(deps, caller, endpoint_id), secret)


@router.get("", openapi_extra=may_answer())
@needs("manage", "operate")
async def list_webhook_endpoints(deps: Deps, caller: Caller) -> EndpointList:
    """Return the endpoints that are not deleted, oldest first."""
    found = await deps.endpoints.all_of(caller.tenant_id, await deps.queries.endpoint_ids(caller.tenant_id))
    return {"endpoints": [_shown(one) for one in found if caller.venue_id in {"", one.venue_id}]}


@router.get("/{endpoint_id}", openapi_extra=may_answer(NOT_FOUND))
@needs("manage", "operate")
async def read_webhook_endpoint(endpoint_id: EndpointId, deps: Deps, caller: Caller) -> EndpointAnswer:
    """Return an endpoint, without its secret."""
    return _shown(await _endpoint(deps, caller, endpoint_id))


@router.patch("/{endpoint_id}", openapi_extra=may_answer(NOT_FOUND, WrongState))
@needs("manage")
async def change_webhook_endpoint(
    endpoint_id: EndpointId, body: EndpointChange, deps: Deps, caller: Caller
) -> EndpointAnswer:
    """Change the address or the types; events that wait go to the new address."""
    if body.url is not None:
        _check_allowed(body.url, deps)
    await _endpoint(deps, caller, endpoint_id)
    await deps.endpoints.change(endpoint_id, body.url, body.types)
    return await _told(deps, caller, endpoint_id)


@router.delete("/{endpoint_id}", openapi_extra=may_answer(NOT_FOUND))
@needs("manage")
async def delete_webhook_endpoint(endpoint_id: EndpointId, deps: Deps, caller: Caller) -> EndpointAnswer:
    """Delete an endpoint and its secret, and return it a last time; nothing is sent to it any more."""
    endpoint = await _endpoint(deps, caller, endpoint_id)
    await deps.endpoints.delete(endpoint_id)
    await deps.engine.endpoint_news(endpoint_id)
    return {**_shown(endpoint), "state": "deleted"}


@router.post("/{endpoint_id}/secret", openapi_extra=may_answer(NOT_FOUND, WrongState))
@needs("manage")
async def rotate_webhook_secret(endpoint_id: EndpointId, deps: Deps, caller: Caller) -> EndpointAnswer:
    """Give an endpoint another secret, told this once. For a day each webhook is signed with both."""
    await _endpoint(deps, caller, endpoint_id)
    secret = await deps.endpoints.rotate(endpoint_id)
    return _shown(await _endpoint(deps, caller, endpoint_id), secret)


@router.post("/{endpoint_id}/switch-on", openapi_extra=may_answer(NOT_FOUND, WrongState))
@needs("manage", "operate")
async def switch_on_webhook_endpoint(endpoint_id: EndpointId, deps: Deps, caller: Caller) -> EndpointAnswer:
    """Send events again, those first that were missed while it was off or failing."""
    await _endpoint(deps, caller, endpoint_id)
    await deps.endpoints.switch(endpoint_id, on=True)
    return await _told(deps, caller, endpoint_id)


@router.post("/{endpoint_id}/switch-off", openapi_extra=may_answer(NOT_FOUND, WrongState))
@needs("manage", "operate")
async def switch_off_webhook_endpoint(endpoint_id: EndpointId, deps: Deps, caller: Caller) -> EndpointAnswer:
    """Send nothing until it is switched on."""
    await _endpoint(deps, caller, endpoint_id)
    await deps.endpoints.switch(endpoint_id, on=False)
    return await _told(deps, caller, endpoint_id)


@router.get("/{endpoint_id}/deliveries", openapi_extra=may_answer(NOT_FOUND))
@needs("manage", "operate")
async def read_deliveries(
    endpoint_id: EndpointId,
    deps: Deps,
    caller: Caller,
    before: Annotated[
        int, Query(ge=0, le=POSITION_MAX, description="Position below which to begin.", examples=[1042])
    ] = POSITION_MAX,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="Events at most.", examples=[50])] = 50,
) -> DeliveryPage:
    """Return what became of the events of an endpoint, the newest first."""
    await _endpoint(deps, caller, endpoint_id)
    found = await deps.deliveries.entries(endpoint_id, before, limit)
    return {"deliveries": found, "next": found[-1]["position"] if len(found) == limit else None}


@router.post("/{endpoint_id}/replays", status_code=202, openapi_extra=may_answer(NOT_FOUND))
@needs("manage", "operate")
async def replay_events(endpoint_id: EndpointId, body: Replay, deps: Deps, caller: Caller) -> ReplayAnswer:
    """Send events again under their ids: one, or all since a time that the endpoint gets."""
    endpoint = await _endpoint(deps, caller, endpoint_id)
    wanted = EndpointFilter(endpoint_id, endpoint.tenant_id, endpoint.venue_id, endpoint.types, endpoint.after)
    if body.since is not None:
        count = await deps.deliveries.send_since(wanted, body.since)
    else:
        count = await deps.deliveries.send_again(wanted, body.event_id or "")
        if not count:
            raise not_found("event", body.event_id or "")
    await deps.engine.endpoint_news(endpoint_id)
    return {"events": count}


async def _told(deps: Dependencies, caller: Subject, endpoint_id: str) -> EndpointAnswer:
    """Tell the endpoint's workflow of the change, if it runs; return the endpoint."""
    await deps.engine.endpoint_news(endpoint_id)
    return _shown(await _endpoint(deps, caller, endpoint_id))


async def _endpoint(deps: Dependencies, caller: Subject, endpoint_id: str) -> WebhookEndpoint:
    """Return an endpoint that exists for the caller: of its tenant, and of its venue if its key has one."""
    found = await deps.endpoints.find(endpoint_id)
    is_theirs = found is not None and found.tenant_id == caller.tenant_id and caller.venue_id in {"", found.venue_id}
    if found is None or not is_theirs or found.state == "deleted":
        raise not_found("webhook endpoint", endpoint_id)
    return found


def _check_allowed(url: str, deps: Dependencies) -> None:
    if not deps.limits.private_webhooks and URL(url).scheme != "https":
        raise Problem(INVALID_REQUEST, "url must be an https URL")


def _shown(endpoint: WebhookEndpoint, secret: str | None = None) -> EndpointAnswer:
    return {
        "endpoint_id": endpoint.identity,
        "url": endpoint.url,
        "types": list(endpoint.types),
        "venue_id": endpoint.venue_id or None,
        "state": endpoint.state,
        "created_at": endpoint.created_on.isoformat(),
        "secret": secret,
    }
