"""`boxoffice up` for the bench: a chain with short slots, and a worker that also runs the bare workflow."""

import argparse
import asyncio
import sys
from pathlib import Path

from cli.stack.start import show_json
from devstack.config import PORT_DEFAULTS, Programs, StackConfig
from devstack.up import run_stack
from settings.check import settings_of, withheld

QUICK_CHAIN = (sys.executable, "-m", "devstack.chain", "--slot-ms", "100", "--finalized-slots", "4")


def main() -> None:
    """Run the stack on free ports until SIGTERM."""
    parser = argparse.ArgumentParser(prog="bench.servers.up", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--stubbed", action="store_true")
    options, _ = parser.parse_known_args()
    worker = (sys.executable, "-m", "bench.servers.worker", *(["--stubbed"] if options.stubbed else []))
    programs = Programs(chain=QUICK_CHAIN, worker=worker)
    ports = dict.fromkeys(PORT_DEFAULTS, 0)
    given = settings_of("up").given()
    config = StackConfig(options.data_dir, ports, given, programs, headless=True, withheld=withheld())
    asyncio.run(run_stack(config, show_json))


if __name__ == "__main__":
    main()
