"""Starts what a front door tells about its process: logs first, then traces; metrics and probes when it has work."""

from collections.abc import Callable
from typing import Protocol

from adapters.telemetry.logs import LogFormat, start_logs
from adapters.telemetry.traces import start_traces


class Telemetry(Protocol):
    """The settings of logs, metrics and traces."""

    @property
    def log_format(self) -> LogFormat:
        """How log lines look."""

    @property
    def log_level(self) -> str:
        """The least level of our own lines."""

    @property
    def otlp_endpoint(self) -> str | None:
        """The URL of the collector of traces; None records none."""


def start_telemetry(process: str, telemetry: Telemetry) -> Callable[[], None]:
    """Start logs and traces of a process; return the call that sends the last spans."""
    start_logs(telemetry.log_format, telemetry.log_level)
    return start_traces(process, telemetry.otlp_endpoint)
