"""TCP ports on 127.0.0.1: requested, kept from the last run, or free."""

import atexit
import random
import socket
from collections.abc import Collection, Mapping
from pathlib import Path

from devstack.supervisor.data_dir import read_json, write_json

LOOPBACK = "127.0.0.1"
# Below Linux's range for outgoing connections, so that no client socket takes a kept port while a process restarts.
FREE_PORT_MIN, FREE_PORT_MAX = 20_000, 31_999
FREE_PORT_TRIES_MAX = 200
# A claimed port is held as UDP until this process ends, however it ends: the server takes the TCP port much later, and
# another stack that chooses meanwhile must not take the same one.
_CLAIMS: dict[int, socket.socket] = {}


@atexit.register
def _release() -> None:
    for held in _CLAIMS.values():
        held.close()


class PortBusyError(RuntimeError):
    """An explicitly requested port is in use."""


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set SO_REUSEADDR too: a connection of the last run that lingers does not make a port busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def claim(port: int) -> bool:
    """Return whether this process has the port now: it is free, and no other process that asks here claimed it."""
    if not is_free(port):
        return False
    if port not in _CLAIMS:
        held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            held.bind((LOOPBACK, port))
        except OSError:
            held.close()
            return False
        _CLAIMS[port] = held
    return True


def free_port(taken: Collection[int] = ()) -> int:
    """Claim and return a free port of 127.0.0.1 that is not in `taken` and was not given by this process before."""
    for _ in range(FREE_PORT_TRIES_MAX):
        port = random.SystemRandom().randint(FREE_PORT_MIN, FREE_PORT_MAX)
        if port not in taken and port not in _CLAIMS and claim(port):
            return port
    raise PortBusyError(f"no free port found in {FREE_PORT_MIN} to {FREE_PORT_MAX}")


def choose_ports(requested: Mapping[str, int | None], defaults: Mapping[str, int], kept_file: Path) -> dict[str, int]:
    """Claim a port for each name in `requested` and store the choice in `kept_file` for the next run.

    A number above 0 is used or refused with `PortBusyError`; 0 means the kept port or a free one; None means the kept
    port, the default, or a free one.
    """
    kept: dict[str, int] = read_json(kept_file)
    chosen: dict[str, int] = {}
    for name, port in sorted(requested.items(), key=lambda item: not item[1]):
        taken = set(chosen.values())
        if port:
            if port in taken or not is_free(port):
                raise PortBusyError(
                    f"port {port} for {name} is in use; stop the process that listens there or choose another port"
                )
            claim(port)  # whoever asks for a number may have claimed it for us
            chosen[name] = port
            continue
        candidates = [kept.get(name), defaults.get(name) if port is None else None]
        free = (candidate for candidate in candidates if candidate and candidate not in taken and claim(candidate))
        chosen[name] = next(free, None) or free_port(taken)
    write_json(kept_file, {**kept, **chosen})
    return chosen
