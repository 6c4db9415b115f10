"""Calls of other systems are spans where a tracer records, and cost nothing where none does."""

import subprocess
import sys

from opentelemetry import context

from adapters.telemetry.traces import outside_call

RECORD = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from adapters.telemetry.traces import outside_call

kept = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(kept))
trace.set_tracer_provider(provider)
with outside_call("event store", "commit"), outside_call("stripe", "GET refunds") as span:
    span.set_attribute("status", 200)
for span in kept.get_finished_spans():
    print(span.name, dict(span.attributes), span.kind.name)
"""


def test_a_call_is_a_span_where_a_tracer_records() -> None:
    """A process has one tracer for good, so this one has a process of its own."""
    ran = subprocess.run([sys.executable, "-c", RECORD], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["stripe GET refunds {'status': 200} CLIENT", "event store commit {} CLIENT"]


def test_without_a_tracer_a_call_is_nothing() -> None:
    """The context stays as it is, and what is noted on the span goes nowhere."""
    before = context.get_current()
    with outside_call("event store", "commit") as span:
        span.set_attribute("status", 200)
        assert context.get_current() is before
    assert not span.is_recording()
