"""Imports a program of ours while the servers start, and runs it when they are ready: `early.py MODULE [ARGUMENT ...]`.

Importing takes most of a start. The rest of the environment, such as the secrets of webhooks, is known only when the
servers are ready: it comes as JSON on standard input, whose end lets the program run.
"""

import gc
import json
import os
import sys
from importlib import import_module


def main() -> None:
    """Import, wait, run."""
    sys.argv = sys.argv[1:]
    gc.disable()  # it finds next to nothing in what is imported, and takes a tenth of the time
    program = import_module(sys.argv[0])
    gc.enable()
    os.environ.update(json.load(sys.stdin))
    program.main()


if __name__ == "__main__":
    main()
