"""TCP ports on 127.0.0.1: asked for, kept from the last run, or free."""

import json
import random
import socket
from collections.abc import Collection, Mapping
from pathlib import Path

LOOPBACK = "127.0.0.1"
# Below Linux's range for outgoing connections, so that no client socket takes a kept port while a part restarts.
FREE_PORT_MIN, FREE_PORT_MAX = 20_000, 31_999
FREE_PORT_TRIES_MAX = 200


class PortBusyError(RuntimeError):
    """A port that was asked for explicitly is in use by somebody else."""


def is_free(port: int) -> bool:
    """Say whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set SO_REUSEADDR too: a connection of the last run that lingers does not make a port busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(taken: Collection[int] = ()) -> int:
    """Return a port of 127.0.0.1 where nothing listens and that is not taken."""
    for _ in range(FREE_PORT_TRIES_MAX):
        port = random.SystemRandom().randint(FREE_PORT_MIN, FREE_PORT_MAX)
        if port not in taken and is_free(port):
            return port
    raise PortBusyError(f"no free port found in {FREE_PORT_MIN} to {FREE_PORT_MAX}")


def choose_ports(asked: Mapping[str, int | None], defaults: Mapping[str, int], kept_file: Path) -> dict[str, int]:
    """Choose a port for each name in `asked` and keep the choice in `kept_file` for the next run.

    A number above 0 is taken or refused with `PortBusyError`; 0 means the kept port or a free one; None means the kept
    port, the default, or a free one.
    """
    kept: dict[str, int] = json.loads(kept_file.read_text()) if kept_file.exists() else {}
    chosen: dict[str, int] = {}
    for name, port in sorted(asked.items(), key=lambda item: not item[1]):
        taken = set(chosen.values())
        if port:
            if port in taken or not is_free(port):
                raise PortBusyError(f"port {port} for {name} is in use; stop what listens there or ask for another one")
            chosen[name] = port
            continue
        wishes = [kept.get(name), defaults.get(name) if port is None else None]
        free = (wish for wish in wishes if wish and wish not in taken and is_free(wish))
        chosen[name] = next(free, None) or free_port(taken)
    kept_file.write_text(json.dumps({**kept, **chosen}, indent=2) + "\n")
    return chosen
