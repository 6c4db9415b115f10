"""Runs the stack once: lock, orphans, ports, secrets, processes, and a clean stop."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from devstack import proxy_routes
from devstack.config import PORT_DEFAULTS, PORT_NAMES, StackConfig
from devstack.supervisor.data_dir import (
    CONNECT_WEBHOOK_SECRET,
    PORTS_FILE,
    STACK_FILE,
    WEBHOOK_SECRET,
    StackSecrets,
    lock_folder,
    read_json,
)
from devstack.supervisor.fork_server import ForkServer
from devstack.supervisor.ports import choose_ports
from devstack.supervisor.runner import stop_orphans
from devstack.supervisor.supervisor import Supervisor
from devstack.topology import build_topology

ORPHAN_SECONDS = 10.0


async def run_stack(
    config: StackConfig, ready: Callable[[dict[str, Any]], None], forks: ForkServer | None = None
) -> None:
    """Run the stack until SIGINT or SIGTERM, calling `ready` with the content of `stack.json` once all is healthy.

    Raise `AlreadyRunningError`, `PortBusyError`, `SettingMissingError` or `ProcessFailedError`, each with a message for
    the user; no process is left running after any of them.
    """
    folder = config.data_dir.expanduser().resolve()
    lock = lock_folder(folder)
    try:
        stop_orphans(read_json(folder / STACK_FILE), ORPHAN_SECONDS)
        wanted = (*PORT_NAMES, *proxy_routes.PORT_NAMES) if config.programs.proxy else PORT_NAMES
        requested = {name: config.ports.get(name, 0 if name not in PORT_DEFAULTS else None) for name in wanted}
        ports = choose_ports(requested, PORT_DEFAULTS, folder / PORTS_FILE)
        stack_secrets = StackSecrets(folder, config.given)
        topology = build_topology(replace(config, data_dir=folder), ports, stack_secrets)
        description = {"data_dir": str(folder), "urls": dict(topology.urls), "ports": ports}
        secret = frozenset({*stack_secrets.env, WEBHOOK_SECRET, CONNECT_WEBHOOK_SECRET, *config.given})
        supervisor = Supervisor(topology.processes, folder, description, topology.env, secret, forks)
        await supervisor.run(ready)
    finally:
        os.close(lock)
