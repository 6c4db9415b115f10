"""Ids of the request in hand, for its log lines and its span: `AccessLog` begins them, routes add the purchase."""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field

from opentelemetry import context, trace
from prometheus_client import Counter
from structlog.contextvars import bind_contextvars, clear_contextvars

from activities.core.traces import trace_of

HOLDS = Counter("boxoffice_holds", "Holds on seats that were placed, by the API that placed them", ("api",))
TRACER = trace.get_tracer("boxoffice.api")


@dataclass
class RequestInHand:
    """A request: its id, its purchase once it is known, and its span."""

    request_id: str
    began_ns: int = field(default_factory=time.time_ns)
    purchase_id: str | None = None
    span: trace.Span = trace.INVALID_SPAN


_IN_HAND: ContextVar[RequestInHand | None] = ContextVar("request_in_hand", default=None)


def begin_request(request_id: str) -> RequestInHand:
    """Begin a request: its lines have its id. Each request has a task of its own, so nothing is left to the next."""
    clear_contextvars()
    bind_contextvars(request_id=request_id)
    begun = RequestInHand(request_id)
    _IN_HAND.set(begun)
    return begun


def note_purchase(purchase_id: str) -> None:
    """Note the purchase that the present request is about: its lines and its span belong to the purchase's trace."""
    request = _IN_HAND.get()
    if request is None or request.purchase_id is not None:
        return
    request.purchase_id = purchase_id
    bind_contextvars(purchase_id=purchase_id)
    inside = trace_of(purchase_id)
    request.span = TRACER.start_span("request", inside, trace.SpanKind.SERVER, start_time=request.began_ns)
    context.attach(trace.set_span_in_context(request.span, inside))


def end_request(request: RequestInHand, method: str, route: str | None, status: int) -> str | None:
    """End the request's span, named by its route; return the id of its trace."""
    span = request.span
    if span is trace.INVALID_SPAN:
        return None
    span.update_name(f"{method} {route}")
    span.set_attributes({"http.request.method": method, "http.route": route or "", "http.response.status_code": status})
    span.end()
    return trace.format_trace_id(span.get_span_context().trace_id)
