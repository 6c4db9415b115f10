"""Metrics of the chain: its nodes, and the payer's money."""

from prometheus_client import Gauge

from domain.views.minting import MintingDocument, NodeState

NODE_WELL = Gauge("boxoffice_solana_node_well", "1 while the node answers", ("node",))
NODE_CALLS = Gauge("boxoffice_solana_node_calls", "Calls made", ("node",))
NODE_FAILURES = Gauge("boxoffice_solana_node_failures", "Calls without an answer", ("node",))
NODE_LIMITED = Gauge("boxoffice_solana_node_limited", "Calls refused for a limit", ("node",))
LAMPORTS = Gauge("boxoffice_payer_lamports", "Balance of the payer of tokens")
TICKET_LAMPORTS = Gauge("boxoffice_ticket_lamports", "Cost of a ticket's token at most")
OWED = Gauge("boxoffice_tickets_owed", "Sold tickets without a token")
RUNWAY = Gauge(
    "boxoffice_payer_runway_tickets",
    "Tickets that can still be sold and paid for; below nothing when the owed ones exceed the money",
)
PAUSED = Gauge("boxoffice_minting_paused", "1 while the payer's money is low")


def show_node(health: NodeState) -> None:
    """Set the metrics of a Solana node that was called."""
    NODE_WELL.labels(health.name).set(not health.trouble)
    NODE_CALLS.labels(health.name).set(health.calls)
    NODE_FAILURES.labels(health.name).set(health.failures)
    NODE_LIMITED.labels(health.name).set(health.limited)


def show_well(health: NodeState) -> None:
    """Set whether a node answers; the calls of the watch are not those of the mints."""
    NODE_WELL.labels(health.name).set(not health.trouble)


class PayerMetrics:
    """The payer's money and what is owed."""

    def set(self, document: MintingDocument) -> None:
        """Set the gauges."""
        LAMPORTS.set(document["lamports"])
        TICKET_LAMPORTS.set(document["ticket_lamports"])
        OWED.set(document["owed"])
        RUNWAY.set(document["runway"])
        PAUSED.set(document["low_since"] is not None)
