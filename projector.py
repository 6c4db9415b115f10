"""Front door: folds new events into the read models. `python -m projector [--rebuild]`."""

import argparse
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg
from prometheus_client import Counter, Gauge

from adapters.database.rebuild import RebuildError, is_current, rebuild
from adapters.database.startup import PAUSE_SECONDS, or_explain, prepare
from adapters.postgres.connections import BACKGROUND, connect
from adapters.read_models.projection import BATCH_MAX, Projection
from adapters.runtime.gc_tuning import tune_gc
from adapters.telemetry.server import NotReady, Probes, Pulse, Server
from adapters.telemetry.start import start_telemetry
from settings.check import settings_of

log = logging.getLogger("projector")
POLL_SECONDS = 0.025
REBUILD_PAUSE_SECONDS = 1.0
FOLDED = Counter("boxoffice_projector_events", "Events that the projector has folded into the read models")
PROJECTOR_LAG = Gauge("boxoffice_projector_lag_seconds", "Seconds since the read models last had every event")


class Follower:
    """Folds new events until `stopping` is set; reconnects when the connection is lost.

    Read models of another shape, as an older version left them, are rebuilt beside first.
    """

    def __init__(
        self,
        url: str,
        stopping: threading.Event,
        ready_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._stopping = stopping
        self._ready_file = ready_file
        self._clock = clock
        self._pulse = Pulse()
        self._up_to_date_at = clock()
        self._trouble: str | None = "the read models are not up to date yet"
        PROJECTOR_LAG.set_function(lambda: self._clock() - self._up_to_date_at)

    def check_live(self) -> None:
        """Raise NotReady when the loop hangs; a rebuild and a lost database are work, not a hang."""
        if self._trouble is None:
            self._pulse.check()

    def check_ready(self) -> None:
        """Raise NotReady while the read models cannot be kept up to date."""
        if self._trouble is not None:
            raise NotReady(self._trouble)
        self._pulse.check()

    def run(self) -> None:
        """Follow until stopped."""
        while not self._stopping.is_set():
            try:
                self._follow()
            except psycopg.OperationalError as error:
                self._trouble = f"PostgreSQL is unavailable: {type(error).__name__}"
                log.warning("PostgreSQL is unavailable; reconnecting: %s", type(error).__name__)
                self._stopping.wait(PAUSE_SECONDS)
            except RebuildError as error:
                log.info("%s", error)
                self._stopping.wait(REBUILD_PAUSE_SECONDS)

    def _follow(self) -> None:
        if not is_current(self._url):
            log.info("the read models have another shape; rebuilding them")
            self._trouble = "the read models are being rebuilt"
            rebuild(self._url, self._stopping.is_set)
        with connect(self._url, BACKGROUND) as connection:
            projection = Projection(connection)
            while not self._stopping.is_set():
                folded = projection.advance()
                FOLDED.inc(folded)
                self._pulse.beat()
                if folded < BATCH_MAX:
                    self._note_up_to_date()
                if not folded:
                    self._stopping.wait(POLL_SECONDS)

    def _note_up_to_date(self) -> None:
        """Note that the read models had every event just now; the first time, log it and write the ready file."""
        self._up_to_date_at = self._clock()
        if self._trouble is None:
            return
        self._trouble = None
        log.info("read models are up to date; following new events")
        if self._ready_file is not None:
            self._ready_file.write_text(str(os.getpid()))


def environment_of(data_dir: Path | None) -> Mapping[str, str] | None:
    """Return the environment of a running stack; None is our own."""
    if data_dir is None:
        return None
    from devstack.stack import Stack

    return Stack(data_dir, 0).env


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="projector", description=__doc__)
    parser.add_argument(
        "--rebuild",
        action="store_true",
        help="rebuild the read models beside the live ones, and end",
    )
    parser.add_argument("--data-dir", type=Path, help="folder of a running `boxoffice up`, whose settings are read")
    options = parser.parse_args()
    settings = settings_of("projector", given=environment_of(options.data_dir))
    start_telemetry("projector", settings.telemetry)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    or_explain(lambda: prepare(settings.postgres.url))
    if options.rebuild:
        try:
            log.info("rebuilt from %d events", rebuild(settings.postgres.url, stopping.is_set))
        except RebuildError as error:
            parser.exit(1, f"{error}\n")
        return
    follower = Follower(settings.postgres.url, stopping, settings.projector.ready_file)
    if settings.projector.metrics_port is not None:
        Server(
            settings.telemetry.host, settings.projector.metrics_port, Probes(follower.check_live, follower.check_ready)
        )
    tune_gc()
    or_explain(follower.run)


if __name__ == "__main__":
    main()
