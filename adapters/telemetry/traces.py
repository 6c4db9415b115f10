"""Traces of a process: spans are sent to a collector where the settings name one; otherwise nothing is recorded."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from opentelemetry import trace
from temporalio.client import Interceptor

TRACER = trace.get_tracer("boxoffice.adapters")  # finds its provider once there is one


def start_traces(process: str, endpoint: str | None) -> Callable[[], None]:
    """Send this process's spans to a collector (OTLP over HTTP); return the call that sends the rest at the end."""
    if endpoint is None:
        return lambda: None
    # Not imported where there is no collector: they cost a quarter of a second and 20 MB.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": f"boxoffice-{process}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)
    return provider.shutdown


def temporals_interceptors(endpoint: str | None) -> list[Interceptor]:
    """Return the interceptors that carry a trace through Temporal, where traces are recorded."""
    if endpoint is None:
        return []
    from temporalio.contrib.opentelemetry import TracingInterceptor

    return [TracingInterceptor(trace.get_tracer("boxoffice.temporal"), always_create_workflow_spans=True)]


def outside_call(system: str, call: str) -> AbstractContextManager[trace.Span]:
    """Record a call of another system as a span; its name has no ids and no values.

    Without a tracer there is nothing to do: the library's empty span would take a tenth of a sold-out answer's time.
    """
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return nullcontext(trace.INVALID_SPAN)
    return TRACER.start_as_current_span(f"{system} {call}", kind=trace.SpanKind.CLIENT, record_exception=False)
