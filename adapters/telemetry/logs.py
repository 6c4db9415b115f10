"""Logs of a process: one line an entry on standard error, for people or as JSON, with the ids of its subject.

The rooms log through Python's `logging`; only this module knows how a line looks. Lines of libraries below a warning
are left out: they repeat what our own say.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TextIO

import structlog
from opentelemetry import trace
from structlog.types import EventDict, Processor, WrappedLogger
from temporalio import activity, workflow

LogFormat = Literal["text", "json"]
OURS = (
    "activities",
    "adapters",
    "api",
    "boxoffice",
    "projector",
    "relay",
    "solana",
    "temporalio",
    "worker",
    "workflows",
)
PURCHASE_PREFIX = "purchase/"
TEMPORALS_EXTRA = ("temporal_activity", "temporal_workflow")


def start_logs(log_format: LogFormat, level: str, stream: TextIO | None = None) -> None:
    """Write the logs of this process in a format, from a level on."""
    # The ids stand in fields of their own, not at the end of each message.
    activity.logger.activity_info_on_message = workflow.logger.workflow_info_on_message = False
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_formatter(log_format, colours=(stream or sys.stderr).isatty()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(level)


@contextmanager
def logged_about(**ids: str | None) -> Iterator[None]:
    """Give every line of this context these ids; those that are None are left out."""
    known = {name: value for name, value in ids.items() if value is not None}
    with structlog.contextvars.bound_contextvars(**known):
        yield


def _formatter(log_format: LogFormat, *, colours: bool) -> logging.Formatter:
    shown: list[Processor]
    if log_format == "json":
        shown = [structlog.processors.EventRenamer("message"), structlog.processors.JSONRenderer(default=str)]
    else:
        shown = [structlog.dev.ConsoleRenderer(colors=colours, timestamp_key="time", pad_event_to=0, sort_keys=False)]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.contextvars.merge_contextvars,
            _add_workflow,
            _add_trace,
            structlog.processors.format_exc_info,  # without the values of variables: they may be personal data
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown],
    )


def _add_workflow(_: WrappedLogger, __: str, entry: EventDict) -> EventDict:
    """Add the ids of the workflow, activity and purchase that log."""
    record = entry.get("_record")
    info = next((given for name in TEMPORALS_EXTRA if (given := getattr(record, name, None))), None)
    if info is None and activity.in_activity():
        at = activity.info()
        info = {"workflow_id": at.workflow_id, "activity_type": at.activity_type, "attempt": at.attempt}
    if info is None:
        return entry
    entry["workflow_id"] = workflow_id = info.get("workflow_id")
    if "activity_type" in info:
        entry["activity"], entry["attempt"] = info["activity_type"], info["attempt"]
    if str(workflow_id).startswith(PURCHASE_PREFIX):
        entry.setdefault("purchase_id", str(workflow_id).removeprefix(PURCHASE_PREFIX))
    return entry


def _add_trace(_: WrappedLogger, __: str, entry: EventDict) -> EventDict:
    """Add the id of the trace, where there is one."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        entry["trace_id"] = trace.format_trace_id(context.trace_id)
    return entry
