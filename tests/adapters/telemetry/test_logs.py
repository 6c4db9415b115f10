"""Logs have a time, a level and the ids of their subject; libraries are quiet, and no variable's value is shown."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from opentelemetry import trace
from temporalio import activity, workflow
from temporalio.testing import ActivityEnvironment

from adapters.telemetry.logs import OURS, LogFormat, logged_about, start_logs

ADDRESS = "ann@example.org"
TRACE_ID = 0x1234567890ABCDEF1234567890ABCDEF


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Lend a stream for the logs of this process, and give its loggers back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in OURS}
    on_message = activity.logger.activity_info_on_message, workflow.logger.workflow_info_on_message
    yield io.StringIO()
    root.handlers[:], root.level = handlers, level
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    activity.logger.activity_info_on_message, workflow.logger.workflow_info_on_message = on_message


def start(stream: io.StringIO, log_format: LogFormat = "json", level: str = "INFO") -> None:
    start_logs(log_format, level, stream)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_of_json_has_time_level_logger_and_message(written: io.StringIO) -> None:
    """The time is in UTC."""
    start(written)
    logging.getLogger("relay.relay").warning("relay waits: %s", "no answer")
    [line] = lines(written)
    assert (line["level"], line["logger"], line["message"]) == ("warning", "relay.relay", "relay waits: no answer")
    assert datetime.fromisoformat(line["time"]).utcoffset() is not None


def test_a_line_names_request_purchase_and_trace(written: io.StringIO) -> None:
    """Wherever it is logged within their context."""
    start(written)
    span = trace.NonRecordingSpan(trace.SpanContext(TRACE_ID, 1, is_remote=False))
    with logged_about(request_id="rq_1", purchase_id="pu_1", subject=None), trace.use_span(span):
        logging.getLogger("api.x").info("seats held")
    logging.getLogger("api.x").info("after it")
    first, second = lines(written)
    assert (first["request_id"], first["purchase_id"], first["trace_id"]) == ("rq_1", "pu_1", f"{TRACE_ID:032x}")
    assert not {"request_id", "purchase_id", "trace_id", "subject"} & second.keys()


async def test_a_line_of_an_activity_names_its_workflow(written: io.StringIO) -> None:
    """In fields, whoever logs it; the message stays as it was written."""
    start(written)

    async def act() -> None:
        activity.logger.warning("transient error: %s", "no connection")
        logging.getLogger("adapters.x").warning("no node")

    world = ActivityEnvironment()
    world.info = world.info.__class__(**{**world.info.__dict__, "workflow_id": "purchase/pu_1"})
    await world.run(act)
    for line, message in zip(lines(written), ("transient error: no connection", "no node"), strict=True):
        assert (line["message"], line["purchase_id"]) == (message, "pu_1")
        assert (line["workflow_id"], line["activity"], line["attempt"]) == ("purchase/pu_1", "unknown", 1)


def test_libraries_are_heard_from_a_warning_on(written: io.StringIO) -> None:
    """Their information repeats what our own lines say."""
    start(written)
    for name in ("httpx", "aiohttp.access", "stripe", "uvicorn.error", "asyncio"):
        logging.getLogger(name).info("HTTP Request: POST ... 200")
        logging.getLogger(name).warning("%s: the connection was lost", name)
    assert [line["level"] for line in lines(written)] == ["warning"] * 5


def test_a_traceback_shows_no_values(written: io.StringIO) -> None:
    """Local variables may be personal data."""
    start(written)

    def fail(address: str) -> None:
        raise ValueError(f"no such field in {len(address)} characters")

    try:
        fail(ADDRESS)
    except ValueError:
        logging.getLogger("api.x").exception("failed")
    assert ADDRESS not in written.getvalue()
    assert "ValueError: no such field in 15 characters" in lines(written)[0]["exception"]


def test_the_level_is_a_setting(written: io.StringIO) -> None:
    """Debug shows more of ours, warning less."""
    start(written, level="WARNING")
    logging.getLogger("relay.x").info("quiet")
    assert written.getvalue() == ""


def test_text_is_for_people(written: io.StringIO) -> None:
    """One line, the message first after time and level."""
    start(written, "text")
    with logged_about(purchase_id="pu_1"):
        logging.getLogger("worker").info("polling %s", "purchases")
    line = written.getvalue()
    assert "polling purchases" in line
    assert "purchase_id=pu_1" in line
    assert "\x1b" not in line
