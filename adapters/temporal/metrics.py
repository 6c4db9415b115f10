"""Metrics of our own among those of Temporal's worker."""

from typing import Protocol

from temporalio import activity
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from domain.views.minting import MintingDocument


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


class PayerMetrics:
    """The payer's money and what is owed, among the worker's metrics."""

    def __init__(self, client: Client) -> None:
        meter = (client.service_client.config.runtime or Runtime.default()).metric_meter
        self._lamports = meter.create_gauge("boxoffice_payer_lamports", "balance of the payer of tokens")
        self._cost = meter.create_gauge("boxoffice_ticket_lamports", "cost of a ticket's token at most")
        self._owed = meter.create_gauge("boxoffice_tickets_owed", "sold tickets without a token")
        runway = "tickets that can still be sold and paid for; 0 when the owed ones exceed the money"
        self._runway = meter.create_gauge("boxoffice_payer_runway_tickets", runway)
        self._paused = meter.create_gauge("boxoffice_minting_paused", "1 while the payer's money is low")

    def set(self, document: MintingDocument) -> None:
        """Set the gauges; a gauge has no value below zero."""
        self._lamports.set(document["lamports"])
        self._cost.set(document["ticket_lamports"])
        self._owed.set(document["owed"])
        self._runway.set(max(0, document["runway"]))
        self._paused.set(int(document["low_since"] is not None))
