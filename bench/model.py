"""A model of a cluster, computed from the stored results. `python -m bench.model` writes it into docs/performance.md.

Two rules: a machine whose cores are full gives their time divided by what a purchase takes; and what there is only once
(the lock of the event table, the projector, Stripe's account) gives out where a purchase's share of it fills a second.
Figures come from `bench/results` and from the budget of a purchase, which a test of the real stack counts.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from devstack.stack import ROOT

RESULTS = ROOT / "bench" / "results"
BUDGET = ROOT / "tests" / "real" / "budget.json"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- model: begin -->", "<!-- model: end -->"
RATES = (100, 1_000, 10_000)
OTHERS = ("stripe", "chain")  # emulated on our machine, elsewhere in production
OURS = ("temporal", "worker", "postgres", "api", "projector")
STRIPE_CALLS_PER_SECOND = 100.0  # of an account in live mode, as Stripe documents it; more on request
SHARDS = 512  # of the engine, docs/operations.md
MS = 1000.0


class Measured(NamedTuple):
    """The stored results: processor milliseconds of a purchase by process, figures of rows, budget, bytes, cores."""

    cpu_ms: Mapping[str, float]
    rows: Mapping[str, float]
    budget: Mapping[str, Any]
    log_bytes: float
    cores: int


class Prediction(NamedTuple):
    """A figure that the model predicts for this machine, and the row that measured it."""

    row: str
    predicted: float
    measured: float


class Single(NamedTuple):
    """Something that there is once: so many a second, and so many of them a purchase."""

    name: str
    per_second: float
    each: float

    @property
    def purchases(self) -> float:
        """Purchases a second at which it gives out."""
        return self.per_second / self.each


def read(results: Path = RESULTS, budget: Path = BUDGET) -> Measured:
    """Read the stored results."""
    resources, compared = (json.loads((results / f"{name}.json").read_text()) for name in ("resources", "comparisons"))
    rows = {one["row"]: one["ours_figure"] for one in compared["results"]}
    fulfilled = json.loads(budget.read_text())["fulfilled"]
    return Measured(
        resources["cpu_ms_per_purchase"], rows, fulfilled, resources["log_bytes_per_purchase"], compared["cores"]
    )


def predictions(found: Measured) -> list[Prediction]:
    """Predict the rows whose limit is the processor time of this machine: nothing else is used twice."""
    whole = sum(found.cpu_ms.values())
    stubbed = whole - sum(found.cpu_ms[name] for name in OTHERS)
    costs = {"purchases": whole, "purchases-stubbed": stubbed, "purchases-peer": stubbed}
    return [Prediction(row, found.cores * MS / ms, found.rows[row]) for row, ms in costs.items()]


def singles(found: Measured) -> list[Single]:
    """Return what there is once, the first to give out first."""
    events = found.budget["events"]
    in_turn = found.rows["store-appends"] * found.rows["hot-holds-3-processes"] / found.rows["hot-holds"]
    each = [
        Single("Stripe's account, at its documented limit", STRIPE_CALLS_PER_SECOND, len(found.budget["Stripe calls"])),
        Single("the projector: one folds at a time", found.rows["projector"], events),
        Single("the lock of the event table, one process that commits in groups", found.rows["store-appends"], events),
        Single("the same lock, three processes in turn", in_turn, events),
        Single("one ticket type that everybody wants", found.rows["hot-holds"], 1),
    ]
    return sorted(each, key=lambda one: one.purchases)


def markdown(found: Measured) -> str:
    """Return the model as the tables of the page."""
    lines = ["| row | predicted | measured | ratio |", "|---|--:|--:|--:|"]
    for one in predictions(found):
        ratio = one.predicted / one.measured
        lines.append(f"| {one.row} | {one.predicted:.1f} purchases/s | {one.measured:.1f} purchases/s | {ratio:.2f} |")
    lines += ["", "| there is one of | gives | a purchase takes | gives out at |", "|---|--:|--:|--:|"]
    limits = singles(found)
    lines += [
        f"| {one.name} | {one.per_second:,.0f} a second | {one.each} | {one.purchases:,.0f} purchases/s |"
        for one in limits
    ]
    heads = [f"{name} cores" for name in OURS]
    lines += ["", f"| purchases/s | {' | '.join(heads)} | transitions/s of a shard | log | beyond its limit |"]
    lines.append(f"|--:|{'--:|' * (len(heads) + 2)}---|")
    for rate in RATES:
        cores = [f"{rate * found.cpu_ms[name] / MS:,.1f}" for name in OURS]
        turns = rate * found.budget["engine"]["state transitions"] / SHARDS
        beyond = "; ".join(one.name for one in limits if one.purchases < rate) or "nothing"
        mb = rate * found.log_bytes / 1e6
        lines.append(f"| {rate:,} | {' | '.join(cores)} | {turns:,.1f} | {mb:,.0f} MB/s | {beyond} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the model into the page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{markdown(read())}{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
