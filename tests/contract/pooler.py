"""A pooler between a client and PostgreSQL, as pgbouncer is: it speaks the protocol, and lends server sessions."""

import secrets
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from psycopg.conninfo import conninfo_to_dict

LENGTH = struct.Struct("!i")
SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
AT_REST = b"I"  # of ReadyForQuery: outside a transaction
Mode = Literal["session", "transaction", "statement"]
REFUSED = b"SERROR\0VERROR\0C08P01\0Mtransaction blocks not allowed in statement pooling mode\0\0"


class Ended(ConnectionError):  # noqa: N818 - no fault
    """The other side has closed."""


def exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        if not (more := sock.recv(count - len(data))):
            raise Ended
        data += more
    return data


def message(sock: socket.socket) -> tuple[bytes, bytes]:
    """Read a message; return its type and its whole bytes."""
    head = exactly(sock, 5)
    return head[:1], head + exactly(sock, LENGTH.unpack(head[1:])[0] - LENGTH.size)


def startup(sock: socket.socket) -> dict[str, str]:
    """Read what a client says first, refusing TLS; return its parameters."""
    while True:
        (size,) = LENGTH.unpack(exactly(sock, LENGTH.size))
        body = exactly(sock, size - LENGTH.size)
        if LENGTH.unpack(body[:4])[0] not in {SSL_REQUEST, GSS_REQUEST}:
            words = body[4:].rstrip(b"\0").decode().split("\0")
            return dict(zip(words[::2], words[1::2], strict=False))
        sock.sendall(b"N")


class Pooler:
    """Lends each server session for a client's life, a transaction or a statement; in turn, or the last one again."""

    def __init__(self, url: str, mode: Mode, *, in_turn: bool) -> None:
        parts = urlsplit(url)
        self._server = conninfo_to_dict(url)
        self._mode, self._in_turn = mode, in_turn
        self._idle: deque[socket.socket] = deque()
        self._greeting = b""
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        user = self._server.get("user") or (parse_qs(parts.query).get("user") or ["postgres"])[0]
        self.url = f"postgresql://{user}@127.0.0.1:{self._listener.getsockname()[1]}{parts.path}?sslmode=disable"
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def close(self) -> None:
        """Close every connection."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = None
        with suppress(OSError):
            given = startup(client)
            server = self._borrow(given)
            # The number that a client would cancel with is the pooler's own.
            own = b"K" + LENGTH.pack(12) + secrets.token_bytes(8)
            client.sendall(self._greeting + own + b"Z" + LENGTH.pack(5) + AT_REST)
            if self._mode != "session":
                self._give_back(server)
                server = None
            while (first := message(client))[0] != b"X":
                server = server or self._borrow(given)
                if self._mode == "statement" and b"BEGIN" in first[1]:
                    client.sendall(b"E" + LENGTH.pack(len(REFUSED) + 4) + REFUSED + b"Z" + LENGTH.pack(5) + AT_REST)
                elif self._forwarded(client, server, first) == AT_REST and self._mode != "session":
                    self._give_back(server)
                    server = None
        if server is not None and self._mode == "session":
            server.close()  # pgbouncer resets it; a new one is as clean
        client.close()

    def _forwarded(self, client: socket.socket, server: socket.socket, first: tuple[bytes, bytes]) -> bytes:
        """Forward a question and its answer; return the state of the transaction after it."""
        kind, data = first
        server.sendall(data)
        while kind not in {b"Q", b"S"}:  # a simple query, or the end of an extended one
            kind, data = message(client)
            server.sendall(data)
        while True:
            kind, data = message(server)
            client.sendall(data)
            if kind == b"Z":
                return data[-1:]

    def _borrow(self, given: dict[str, str]) -> socket.socket:
        with self._lock:
            if self._idle:
                return self._idle.popleft() if self._in_turn else self._idle.pop()
        return self._connected(given)

    def _give_back(self, server: socket.socket) -> None:
        with self._lock:
            self._idle.append(server)

    def _connected(self, given: dict[str, str]) -> socket.socket:
        """Open a server session without the client's options, as `ignore_startup_parameters = options` does."""
        host, port = str(self._server.get("host") or "127.0.0.1"), int(self._server.get("port") or 5432)
        if host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{host}/.s.PGSQL.{port}")
        else:
            server = socket.create_connection((host, port))
        self._open.append(server)
        words = "".join(f"{name}\0{value}\0" for name, value in given.items() if name != "options").encode() + b"\0"
        server.sendall(LENGTH.pack(len(words) + 8) + LENGTH.pack(3 << 16) + words)
        greeting = b""
        while (answer := message(server))[0] != b"Z":
            greeting += b"" if answer[0] == b"K" else answer[1]
        self._greeting = greeting
        return server


@contextmanager
def pooler(url: str, mode: Mode, *, in_turn: bool = False) -> Iterator[str]:
    """Yield the URL of a pooler before the server of a URL."""
    running = Pooler(url, mode, in_turn=in_turn)
    try:
        yield running.url
    finally:
        running.close()
