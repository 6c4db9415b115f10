"""`boxoffice up` for tests: a chain with quick slots, a database without syncs, and crash points."""

import argparse
import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

from cli.stack.start import show_json
from devstack.config import EARLY, PORT_DEFAULTS, Programs, StackConfig
from devstack.supervisor.fork_server import forking
from devstack.up import run_stack
from settings.check import settings_of, withheld
from tests.real.points import POINTS

UP = (sys.executable, "-m", "tests.real.up")
QUICK_CHAIN = (*EARLY, "devstack.chain.__main__", "--slot-ms", "100", "--finalized-slots", "4")
CRASHING_WORKER = (sys.executable, "-m", "tests.real.crashing_worker")


def main() -> None:
    """Run the stack until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", type=Path)
    folder = parser.parse_known_args()[0].data_dir
    programs = Programs(chain=QUICK_CHAIN)
    if POINTS in os.environ:
        programs = replace(programs, worker=CRASHING_WORKER)
    with forking(programs.early()) as forks:
        ports = dict.fromkeys(PORT_DEFAULTS, 0)
        given = settings_of("up").given()
        config = StackConfig(folder, ports, given, programs, headless=True, syncs=False, withheld=withheld())
        asyncio.run(run_stack(config, show_json, forks))


if __name__ == "__main__":
    main()
