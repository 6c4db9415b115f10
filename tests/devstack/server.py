"""Runs a server of the devstack on a free port."""

import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from devstack.supervisor.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 20.0


class Server:
    """One process of a module with a route `/health`, which runs inside the block of a `with`."""

    def __init__(self, module: str, *flags: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # One client for all calls: each new one reads the certificates of the system first.
        self.client = httpx.Client(base_url=self.url, timeout=10)
        self._command = [sys.executable, "-m", module, "--port", str(self.port), *flags]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The pid of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it is healthy."""
        self._process = subprocess.Popen(self._command, cwd=ROOT)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self._process.poll() is None, f"{self._command[2]} ended while starting"
            try:
                if self.client.get("/health").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        self.kill()
        raise AssertionError(f"{self._command[2]} did not become healthy")

    def kill(self) -> None:
        """Kill it, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self.wait()

    def stop(self) -> int:
        """Stop it by SIGTERM; return its exit code."""
        if self._process is None:
            return 0
        self._process.terminate()
        return self.wait()

    def wait(self) -> int:
        """Wait until it exits; return its exit code. A later call connects anew."""
        assert self._process is not None
        code = self._process.wait(timeout=10)
        self._process = None
        self.client.close()
        self.client = httpx.Client(base_url=self.url, timeout=10)
        return code

    def close(self) -> None:
        """Kill it, if it still runs, and close the connections."""
        self.kill()
        self.client.close()
