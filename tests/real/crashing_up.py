"""`boxoffice up` with the crashing worker in the worker's place."""

import argparse
import asyncio
import sys
from pathlib import Path

from cli.up import show_json
from devstack.config import Programs, StackConfig
from devstack.up import run_stack
from settings import read_settings

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", type=Path)
    folder = parser.parse_known_args()[0].data_dir
    programs = Programs(worker=(sys.executable, "-m", "tests.real.crashing_worker"))
    ports = {"api": 0, "temporal": 0, "temporal_ui": 0, "stripe": 0, "solana": 0}
    config = StackConfig(folder, ports=ports, given=read_settings().given(), programs=programs, headless=True)
    asyncio.run(run_stack(config, show_json))
