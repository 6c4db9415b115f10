"""`python -m tests.packaging.demo`: installs the project into an empty environment, and runs the demo.

Part of `make nightly`: the versions are the newest that `pyproject.toml` allows, not the locked ones.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"
SECONDS_MAX = 900


def main() -> None:
    """Install with the extra `devstack`, outside the source, and run the demo."""
    with tempfile.TemporaryDirectory(prefix="boxoffice-install-") as folder:
        tools = {"UV_TOOL_DIR": f"{folder}/tools", "UV_TOOL_BIN_DIR": f"{folder}/bin"}
        install: list[str] = [
            str(UV),
            "tool",
            "install",
            "--quiet",
            "--compile-bytecode",
            "-p",
            sys.executable,
            f"{ROOT}[devstack]",
        ]
        for command in (install, [f"{folder}/bin/boxoffice", "--version"], [f"{folder}/bin/boxoffice", "demo"]):
            subprocess.run(command, cwd=folder, env={**os.environ, **tools}, check=True, timeout=SECONDS_MAX)


if __name__ == "__main__":
    main()
