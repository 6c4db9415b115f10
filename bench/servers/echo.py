"""The other end of a loopback round trip: sends back each byte of one connection after the other, as fast as it can."""

import socket
import sys

READY = "ready"


def serve(listener: socket.socket) -> None:
    """Echo until the process ends."""
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while byte := connection.recv(1):
                connection.sendall(byte)


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        print(READY, flush=True)  # noqa: T201 - who started it waits for this line
        serve(listener)
