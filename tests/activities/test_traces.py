"""Every process computes the trace of a purchase from its id."""

from opentelemetry import trace

from activities.core.traces import in_trace_of, trace_of


def present() -> int:
    return trace.get_current_span().get_span_context().trace_id


def test_a_purchase_has_one_trace() -> None:
    """The same for the same purchase, and another for any other."""
    one, again, other = (trace.get_current_span(trace_of(name)).get_span_context() for name in ("pu_1", "pu_1", "pu_2"))
    assert (one.trace_id, one.span_id) == (again.trace_id, again.span_id)
    assert one.trace_id != other.trace_id
    assert one.is_valid
    assert one.trace_flags.sampled


def test_work_joins_the_trace_of_its_purchase() -> None:
    """A span of this trace stays the parent; work about another purchase leaves it, and work about none stays."""
    span = trace.NonRecordingSpan(
        trace.SpanContext(trace.get_current_span(trace_of("pu_1")).get_span_context().trace_id, 7, is_remote=False)
    )
    with in_trace_of("pu_1"):
        mine = present()
    assert present() == 0
    with trace.use_span(span):
        with in_trace_of("pu_1"):
            assert trace.get_current_span().get_span_context().span_id == 7
        with in_trace_of("pu_2"):
            assert present() not in {0, mine}
        with in_trace_of(""):
            assert present() == mine
