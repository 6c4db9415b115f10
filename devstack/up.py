"""One run of the stack: lock, leftovers, ports, secrets, parts, and everything stopped at the end."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from devstack import detours
from devstack.config import PORT_DEFAULTS, PORT_NAMES, StackConfig
from devstack.layout import lay_out
from devstack.ports import choose_ports
from devstack.running import end_orphans
from devstack.state import CONNECT_WEBHOOK_SECRET, PORTS_FILE, STACK_FILE, WEBHOOK_SECRET, Keys, lock_folder, read_json
from devstack.supervisor import Supervisor

ORPHAN_SECONDS = 10.0


async def run_stack(config: StackConfig, ready: Callable[[dict[str, Any]], None]) -> None:
    """Run the stack until SIGINT or SIGTERM, calling `ready` with the content of `stack.json` once all is healthy.

    Raises `AlreadyRunningError`, `PortBusyError`, `SettingMissingError` or `PartFailedError`, each with a message for
    the user; nothing runs on after any of them.
    """
    folder = config.data_dir.expanduser().resolve()
    lock = lock_folder(folder)
    try:
        end_orphans(read_json(folder / STACK_FILE), ORPHAN_SECONDS)
        wanted = (*PORT_NAMES, *detours.PORT_NAMES) if config.programs.proxy else PORT_NAMES
        asked = {name: config.ports.get(name, 0 if name not in PORT_DEFAULTS else None) for name in wanted}
        ports = choose_ports(asked, PORT_DEFAULTS, folder / PORTS_FILE)
        keys = Keys(folder)
        layout = lay_out(replace(config, data_dir=folder), ports, keys)
        facts = {"data_dir": str(folder), "urls": dict(layout.urls), "ports": ports}
        secret = frozenset({*keys.env, WEBHOOK_SECRET, CONNECT_WEBHOOK_SECRET, *config.given})
        supervisor = Supervisor(layout.parts, folder, facts, layout.env, secret)
        await supervisor.run(ready)
    finally:
        os.close(lock)
