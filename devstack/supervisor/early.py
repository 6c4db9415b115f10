"""Imports a program of ours while the servers start, and runs it when they are ready: `early.py MODULE [ARGUMENT ...]`.

Its environment, such as the secrets of webhooks, is known only when the servers are ready: it comes as JSON on standard
input, whose end lets the program run.
"""

import gc
import json
import os
import sys
from importlib import import_module


def main() -> None:
    """Import, wait, run."""
    gc.disable()  # it finds next to nothing in what is imported, and takes a tenth of the time
    import_module(sys.argv[1])
    gc.enable()
    run(sys.argv[1:], json.load(sys.stdin))


def run(argv: list[str], env: dict[str, str]) -> None:
    """Run the module that `argv` begins with, in this environment alone."""
    sys.argv = argv
    os.environ.clear()
    os.environ.update(env)
    import_module(argv[0]).main()


if __name__ == "__main__":
    main()
