"""Traces: each purchase has one, whose id follows from the purchase's id, so that every process joins it by itself.

Nothing is recorded until a front door starts a tracer; then the ids are in the logs all the same.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context, trace

TRACE_BYTES, SPAN_BYTES = 16, 8


def trace_of(purchase_id: str) -> context.Context:
    """Return the context of a purchase's trace."""
    digest = hashlib.sha256(f"trace of {purchase_id}".encode()).digest()
    parent = trace.SpanContext(
        trace_id=int.from_bytes(digest[:TRACE_BYTES]),
        span_id=int.from_bytes(digest[TRACE_BYTES : TRACE_BYTES + SPAN_BYTES]),
        is_remote=True,
        trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(parent))


def _trace_id(within: context.Context) -> int:
    return trace.get_current_span(within).get_span_context().trace_id


@contextmanager
def in_trace_of(purchase_id: str) -> Iterator[None]:
    """Work within the trace of a purchase; the present span stays the parent where it is of this trace already."""
    inside = trace_of(purchase_id) if purchase_id else context.get_current()
    is_inside = trace.get_current_span().get_span_context().trace_id == _trace_id(inside)
    token = context.attach(context.get_current() if is_inside else inside)
    try:
        yield
    finally:
        context.detach(token)
