"""`boxoffice up` for chaos runs: everything behind the proxy, and a chain with quick slots."""

import argparse
import asyncio
import sys
from pathlib import Path

from cli.stack.start import show_json
from devstack.config import PORT_DEFAULTS, Programs, StackConfig
from devstack.up import run_stack
from settings.check import settings_of, withheld
from tests.real.up import QUICK_CHAIN

UP = (sys.executable, "-m", "tests.chaos.up")
PROXY = (sys.executable, "-m", "devstack.proxy")


def main() -> None:
    """Run the stack until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", type=Path)
    folder = parser.parse_known_args()[0].data_dir
    programs = Programs(chain=QUICK_CHAIN, proxy=PROXY)
    ports = dict.fromkeys(PORT_DEFAULTS, 0)
    given = settings_of("up").given()
    config = StackConfig(folder, ports, given, programs, headless=True, withheld=withheld())
    asyncio.run(run_stack(config, show_json))


if __name__ == "__main__":
    main()
