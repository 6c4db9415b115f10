"""The guard of all routes: who may call a route is declared at its endpoint and enforced here, before anything else.

A route without a declaration cannot be made. What a subject may do but with whose data is not decided here: within a
request of a tenant's key, nothing of another tenant or venue exists (`domain.core.actor`).
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from starlette.datastructures import Headers, QueryParams
from starlette.requests import cookie_parser
from starlette.types import Receive, Scope, Send

from api.http.about_request import note_purchase
from api.http.limits.declared import READS, RouteLimits, limits_of
from api.http.limits.rates import address_of
from api.http.problems import DECLARED, FORBIDDEN, NOT_FOUND, UNAUTHORISED, Problem
from api.ports import Dependencies, RateClass
from domain.access.subject import ANONYMOUS, Subject, buyer_of
from domain.access.subject import Scope as AccessScope
from domain.core.actor import acting_as

ACCESS = "__access__"
TOKEN_HEADER = "Purchase-Token"  # noqa: S105 - the name of a header
TOKEN_PARAMETER = "token"  # noqa: S105 - the name of a parameter
SESSION_COOKIE = "venue_session"
BEARER = "bearer "
PURCHASE_ID = re.compile(r"pu_[a-z2-7]{26}")
SCHEMES: dict[str, Any] = {
    "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key of the tenant, or the internal token."},
    "purchaseToken": {
        "type": "apiKey",
        "in": "header",
        "name": TOKEN_HEADER,
        "description": "The token of one purchase, from the answer that made it; for its buyer.",
    },
    "purchaseLink": {
        "type": "apiKey",
        "in": "query",
        "name": TOKEN_PARAMETER,
        "description": "The same token in a link, for what cannot send headers: a mail, an event stream in a browser.",
    },
}
E = TypeVar("E", bound=Callable[..., Any])


@dataclass(frozen=True)
class Access:
    """Who may call a route: anyone; a subject with one of the scopes; with `to_buyer` also the buyer.

    The buyer is the one of the purchase in the path, or of the ticket in it; `by_cookie` takes its token from the
    browser's cookie too, and `by_session` takes a key from the browser's session. `signed` routes are public here,
    because their bodies are signed and checked by the endpoint.
    """

    scopes: tuple[AccessScope, ...] = ()
    is_public: bool = False
    to_buyer: bool = False
    signed: bool = False
    by_cookie: bool = False
    by_session: bool = False

    @property
    def security(self) -> list[dict[str, list[str]]]:
        """The `security` of the operation in the OpenAPI document; any one of them is enough."""
        if self.is_public or self.signed:
            return []
        key: list[dict[str, list[str]]] = [{"apiKey": list(self.scopes)}]
        return [*key, {"purchaseToken": []}, {"purchaseLink": []}] if self.to_buyer else key


def public(endpoint: E) -> E:
    """Declare that anyone may call an endpoint; a key that is sent is checked all the same."""
    return _declared(endpoint, Access(is_public=True))


def signed(endpoint: E) -> E:
    """Declare that the endpoint itself checks the signature of its caller."""
    return _declared(endpoint, Access(signed=True))


def needs(
    *scopes: AccessScope, or_buyer: bool = False, by_cookie: bool = False, by_session: bool = False
) -> Callable[[E], E]:
    """Declare that an endpoint needs one of these scopes, or the purchase's token: of its path, or of its ticket."""
    access = Access(scopes, to_buyer=or_buyer, by_cookie=by_cookie, by_session=by_session)
    return lambda endpoint: _declared(endpoint, access)


def _declared(endpoint: E, access: Access) -> E:
    setattr(endpoint, ACCESS, access)
    return endpoint


class GuardedRoute(APIRoute):
    """A route whose endpoint declares who may call it, and its limits; TypeError without, or where they contradict."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        access = getattr(endpoint, ACCESS, None)
        if access is None:
            raise TypeError(f"{endpoint.__qualname__} must declare who may call it: public, signed or needs(...)")
        self.access: Access = access
        self.limits: RouteLimits = limits_of(endpoint)
        if self.limits.rate is None and not access.is_public:
            raise TypeError(f"{endpoint.__qualname__} must be counted: only a public route asks nobody for a key")
        if self.limits.seconds is not None and set(options.get("methods") or READS) - READS:
            raise TypeError(f"{endpoint.__qualname__} changes something: a limit of time could not tell what happened")
        options["openapi_extra"] = _with_security(options.get("openapi_extra"), access)
        super().__init__(path, endpoint, **options)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request on behalf of its subject, or refuse it."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)  # 405
            return
        subject = await admitted(self.access, self.limits, scope)
        state = scope.setdefault("state", {})
        state["subject"], state["subject_id"] = subject, subject.name
        if PURCHASE_ID.fullmatch(purchase_id := scope["path_params"].get("purchase_id", "")):
            note_purchase(purchase_id)
        with acting_as(subject.actor):
            await self.respond(scope, receive, send)

    async def respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose subject was admitted."""
        await super().handle(scope, receive, send)


def guarded_router(**options: Any) -> APIRouter:
    """Return a router whose routes are guarded."""
    return APIRouter(route_class=GuardedRoute, **options)


def _with_security(extra: dict[str, Any] | None, access: Access) -> dict[str, Any]:
    """Return the description of an operation with its security and the problems that follow from it."""
    given = dict(extra or {})
    if access.signed:
        return given
    problems = [UNAUTHORISED] if access.is_public else [UNAUTHORISED, NOT_FOUND if access.to_buyer else FORBIDDEN]
    declared = [*given.get(DECLARED, ()), *(kind.code for kind in problems)]
    described = {**given, DECLARED: list(dict.fromkeys(declared))}
    return {**described, "security": access.security} if access.security else described


async def admitted(access: Access, limits: RouteLimits, scope: Scope) -> Subject:
    """Return the subject of a request, or refuse it. Where nothing is counted, nobody's key is looked up."""
    if access.signed or limits.rate is None:
        return ANONYMOUS
    headers = Headers(scope=scope)
    if access.to_buyer and (buyer := await _buyer(access, headers, limits.rate, scope)) is not None:
        return buyer
    subject = await _authenticated(_authorization(access, headers, scope), limits.rate, scope)
    if access.is_public or subject.may(*access.scopes):
        return subject
    if access.to_buyer:  # who may not know of a purchase is not told that it exists
        raise _unknown(scope)
    if subject is ANONYMOUS:
        raise Problem(UNAUTHORISED, "this request needs an API key")
    raise Problem(FORBIDDEN, f"the key needs one of the scopes {', '.join(access.scopes)}")


async def _buyer(access: Access, headers: Headers, rate: RateClass, scope: Scope) -> Subject | None:
    """Return the buyer whose token a request has; None without a token, refused with a wrong one."""
    deps: Dependencies = scope["app"].state.deps
    token = _token_of(access, headers, scope)
    if not token:
        return None
    if "authorization" in headers:  # the middleware left the count to the guard
        await deps.check_rate(None, address_of(scope), rate)
    purchase_id = scope["path_params"].get("purchase_id") or await _purchase_of_ticket(scope, deps)
    if purchase_id is None or not _opens(token, purchase_id, deps):
        raise _unknown(scope)
    return buyer_of(purchase_id)


async def _purchase_of_ticket(scope: Scope, deps: Dependencies) -> str | None:
    """Return the purchase that the ticket in a path belongs to."""
    found = await deps.queries.ticket(scope["path_params"]["ticket_id"])
    return None if found is None else found["purchase_id"]


def _unknown(scope: Scope) -> Problem:
    """Return that the purchase or the ticket in a path does not exist."""
    kind = "purchase" if "purchase_id" in scope["path_params"] else "ticket"
    return Problem(NOT_FOUND, f"{kind} {scope['path_params'][f'{kind}_id']} does not exist")


def _token_of(access: Access, headers: Headers, scope: Scope) -> str | None:
    given = headers.get(TOKEN_HEADER) or QueryParams(scope["query_string"]).get(TOKEN_PARAMETER)
    if given or not access.by_cookie:
        return given
    return cookie_parser(headers.get("cookie", "")).get(cookie_of(scope["path_params"]["purchase_id"]))


def cookie_of(purchase_id: str) -> str:
    """Return the name of the cookie in which a browser keeps the token of a purchase."""
    return f"order_{purchase_id}"


def _opens(token: str, purchase_id: str, deps: Dependencies) -> bool:
    return hmac.compare_digest(token.encode(), deps.authenticator.purchase_token(purchase_id).encode())


async def is_still_admitted(request: Request) -> bool:
    """Return whether the subject of a request that is being answered would be admitted now; this counts for no limit.

    An answer that lasts asks this every `RECHECK_SECONDS`, or its key would outlive its revocation.
    """
    deps: Dependencies = request.app.state.deps
    subject: Subject = request.state.subject
    if subject.kind == "buyer":
        token = _token_of(getattr(request.scope["endpoint"], ACCESS), request.headers, request.scope)
        return token is not None and _opens(token, request.path_params["purchase_id"], deps)
    with acting_as(None):  # a key is looked up by itself, as at the door
        header = _authorization(getattr(request.scope["endpoint"], ACCESS), request.headers, request.scope)
        return await deps.authenticator.recheck(_credential_of(header)) == subject


def _authorization(access: Access, headers: Headers, scope: Scope) -> str:
    """Return the Authorization header of a request, or what the session of its browser stands for; "" without."""
    given = headers.get("authorization", "")
    session = cookie_parser(headers.get("cookie", "")).get(SESSION_COOKIE) if access.by_session else None
    if given or session is None:
        return given
    deps: Dependencies = scope["app"].state.deps
    credential = deps.authenticator.credential_in(session)
    return f"{BEARER}{credential}" if credential else ""


def _credential_of(header: str) -> str:
    return header[len(BEARER) :].strip() if header[: len(BEARER)].lower() == BEARER else ""


async def _authenticated(header: str, rate: RateClass, scope: Scope) -> Subject:
    """Return the subject of an Authorization header; refuse a key that is not good, or that asks too often.

    A key that anybody may have, or that is not good, is counted by the address that it comes from.
    """
    if not header:
        return ANONYMOUS
    deps: Dependencies = scope["app"].state.deps
    credential = _credential_of(header)
    subject = await deps.authenticator.subject_of(credential) if credential else None
    is_known = subject is not None and subject.kind != "publishable"
    await deps.check_rate(subject.name if subject is not None else None, None if is_known else address_of(scope), rate)
    if subject is None:
        raise Problem(UNAUTHORISED, "the API key is unknown, expired or revoked")
    return subject


async def subject_of(request: Request) -> Subject:
    """Return the subject that the guard admitted."""
    subject: Subject = request.state.subject
    return subject


Caller = Annotated[Subject, Depends(subject_of)]
