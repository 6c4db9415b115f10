"""Front door: folds new events into the read models. `python -m projector [--rebuild]`."""

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

import psycopg
from prometheus_client import start_http_server

from adapters.database.rebuild import RebuildError, is_current, rebuild
from adapters.database.startup import PAUSE_SECONDS, or_explain, prepare
from adapters.postgres.connections import BACKGROUND, connect
from adapters.read_models.projection import Projection
from adapters.runtime.gc_tuning import tune_gc
from settings.check import settings_of

log = logging.getLogger("projector")
POLL_SECONDS = 0.025
REBUILD_PAUSE_SECONDS = 1.0


def follow(url: str, stopping: threading.Event, ready_file: Path | None = None) -> None:
    """Fold new events until `stopping` is set; reconnect when the connection is lost.

    Read models of another shape, as an older version left them, are rebuilt beside first.
    """
    while not stopping.is_set():
        try:
            if not is_current(url):
                log.info("the read models have another shape; rebuilding them")
                rebuild(url, stopping.is_set)
            with connect(url, BACKGROUND) as connection:
                projection = Projection(connection)
                projection.catch_up()
                _ready(ready_file)
                while not stopping.wait(POLL_SECONDS):
                    projection.catch_up()
        except psycopg.OperationalError as error:
            log.warning("PostgreSQL is unavailable; reconnecting: %s", type(error).__name__)
            stopping.wait(PAUSE_SECONDS)
        except RebuildError as error:
            log.info("%s", error)
            stopping.wait(REBUILD_PAUSE_SECONDS)


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="projector", description=__doc__)
    parser.add_argument(
        "--rebuild",
        action="store_true",
        help="rebuild the read models beside the live ones, and end",
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    settings = settings_of("projector")
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
    if settings.projector.metrics_port is not None:
        start_http_server(settings.projector.metrics_port, addr="127.0.0.1")
    tune_gc()
    or_explain(lambda: follow(settings.postgres.url, stopping, settings.projector.ready_file))


def _ready(ready_file: Path | None) -> None:
    """Log that the read models are up to date, and write the ready file."""
    log.info("read models are up to date; following new events")
    if ready_file is not None:
        ready_file.write_text(str(os.getpid()))


if __name__ == "__main__":
    main()
