"""Metrics of our own among those of Temporal's worker."""

from typing import Protocol

from temporalio import activity
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig


class NodeFigures(Protocol):
    """The calls of a Solana node so far, and why it is not called now."""

    name: str
    trouble: str
    calls: int
    failures: int
    limited: int


def show_node(health: NodeFigures) -> None:
    """Set the metrics of a Solana node that an activity called."""
    if not activity.in_activity():
        return
    meter, node = activity.metric_meter(), {"node": health.name}
    meter.create_gauge("boxoffice_solana_node_well", "1 while the node answers").set(int(not health.trouble), node)
    meter.create_gauge("boxoffice_solana_node_calls", "calls made").set(health.calls, node)
    meter.create_gauge("boxoffice_solana_node_failures", "calls without an answer").set(health.failures, node)
    meter.create_gauge("boxoffice_solana_node_limited", "calls refused for a limit").set(health.limited, node)


def show_refused_signature(reason: str) -> None:
    """Count a message that our signer has refused: `policy`, `budget` or `signer`."""
    if activity.in_activity():
        text = "messages that our signer has refused to sign"
        activity.metric_meter().create_counter("boxoffice_signatures_refused", text).add(1, {"reason": reason})


def temporals_runtime(port: int | None) -> Runtime:
    """Return the library's runtime; its own metrics are served on a port of this machine, where one is given."""
    metrics = None if port is None else PrometheusConfig(bind_address=f"127.0.0.1:{port}")
    return Runtime(telemetry=TelemetryConfig(metrics=metrics))


class SetAsideMetric:
    """The number of subjects that a loop of the relay has set aside, among the worker's metrics."""

    def __init__(self, client: Client) -> None:
        runtime = client.service_client.config.runtime or Runtime.default()
        text = "subjects that a loop of the relay has set aside after a failure"
        self._gauge = runtime.metric_meter.create_gauge("boxoffice_subjects_set_aside", text)

    def set(self, loop: str, subjects: int) -> None:
        """Set the gauge of a loop."""
        self._gauge.set(subjects, {"loop": loop})
