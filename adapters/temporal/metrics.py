"""The runtime of Temporal's library with its metrics, and a counter of ours among them."""

from temporalio import activity
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig


def show_refused_signature(reason: str) -> None:
    """Count a message that our signer has refused: `policy`, `budget` or `signer`."""
    if activity.in_activity():
        text = "messages that our signer has refused to sign"
        activity.metric_meter().create_counter("boxoffice_signatures_refused", text).add(1, {"reason": reason})


def temporals_runtime(port: int | None) -> Runtime:
    """Return the library's runtime; its own metrics are served on a port of this machine, where one is given."""
    metrics = None if port is None else PrometheusConfig(bind_address=f"127.0.0.1:{port}")
    return Runtime(telemetry=TelemetryConfig(metrics=metrics))
