"""Serves a process's metrics and probes: `/metrics`, `/live`, `/ready`, each within a deadline."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

LIVE_SECONDS = 10.0
READY_SECONDS = 2.0
SCRAPE_SECONDS = 5.0


class NotReady(Exception):  # noqa: N818 - an answer of a probe
    """The process cannot do its work now; the message says why."""


class Pulse:
    """The last sign of life of a process's loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock()

    def beat(self) -> None:
        """Note that the loop runs."""
        self._at = self._clock()

    def check(self) -> None:
        """Raise NotReady when the loop has not run for too long."""
        if (silent := self._clock() - self._at) > LIVE_SECONDS:
            raise NotReady(f"the loop has not run for {silent:.0f} seconds")


class Probes(NamedTuple):
    """The checks of a process; each raises with the reason why it fails."""

    live: Callable[[], None]
    ready: Callable[[], None]


PROBE_PATHS = tuple(f"/{name}" for name in Probes._fields)


class ProbeAnswer(NamedTuple):
    """Status, content type and body of an answer."""

    status: HTTPStatus
    kind: str
    body: bytes


class Server:
    """Serves on an address until it is closed; `engine_port` is where Temporal's library serves its own metrics."""

    def __init__(self, host: str, port: int, probes: Probes, engine_port: int | None = None) -> None:
        self._probes = probes
        self._engine_port = engine_port
        self._checks = ThreadPoolExecutor(4, "probe")
        outer = self

        class ProbeHandler(BaseHTTPRequestHandler):
            """Answers GET."""

            timeout = SCRAPE_SECONDS

            def do_GET(self) -> None:
                """Answer one request."""
                answer = outer.answer(self.path.partition("?")[0])
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.kind)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                """Log nothing: probes come every few seconds."""

        self._http = ThreadingHTTPServer((host, port), ProbeHandler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, name="metrics", daemon=True).start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._http.server_address[1])

    def close(self) -> None:
        """Stop serving."""
        self._http.shutdown()
        self._http.server_close()
        self._checks.shutdown(wait=False, cancel_futures=True)

    def answer(self, path: str) -> ProbeAnswer:
        """Return the answer of a path."""
        if path == "/metrics":
            return ProbeAnswer(HTTPStatus.OK, CONTENT_TYPE_LATEST, b"".join(self._metrics()))
        checks = dict(zip(PROBE_PATHS, self._probes, strict=True))
        if path not in checks:
            return _text(HTTPStatus.NOT_FOUND, "here are /metrics, /live and /ready")
        try:
            self._checks.submit(checks[path]).result(READY_SECONDS)
        except TimeoutError:
            return _text(HTTPStatus.SERVICE_UNAVAILABLE, f"no answer within {READY_SECONDS:g} seconds")
        except Exception as error:  # noqa: BLE001 - whatever fails is the reason
            return _text(HTTPStatus.SERVICE_UNAVAILABLE, f"{type(error).__name__}: {error}")
        return _text(HTTPStatus.OK, "ok")

    def _metrics(self) -> Iterable[bytes]:
        yield generate_latest()
        if self._engine_port is None:
            return
        connection = HTTPConnection("127.0.0.1", self._engine_port, timeout=SCRAPE_SECONDS)
        try:
            connection.request("GET", "/metrics")
            yield connection.getresponse().read()
        except OSError:
            return  # the library serves nothing until its first metric
        finally:
            connection.close()


def _text(status: HTTPStatus, text: str) -> ProbeAnswer:
    return ProbeAnswer(status, "text/plain; charset=utf-8", f"{text}\n".encode())
