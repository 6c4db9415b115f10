"""Configuration of a stack, independent of the application's settings."""

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

POSTGRES_URL = "BOXOFFICE_POSTGRES__URL"
TEMPORAL_ADDRESS = "BOXOFFICE_TEMPORAL__ADDRESS"
TEMPORAL_UI_URL = "BOXOFFICE_TEMPORAL__UI_URL"
STRIPE_API_BASE = "BOXOFFICE_STRIPE__API_BASE"
SOLANA_RPC_URL = "BOXOFFICE_SOLANA__RPC_URL"
ISSUER_ADDRESS = "BOXOFFICE_SOLANA__ISSUER_ADDRESS"
DELEGATE_ADDRESS = "BOXOFFICE_SOLANA__DELEGATE_ADDRESS"
API_HOST = "BOXOFFICE_API__HOST"
API_PORT = "BOXOFFICE_API__PORT"
SHOP_TENANT = "BOXOFFICE_SHOP__TENANT"
SHOP_STACK_FILE = "BOXOFFICE_SHOP__STACK_FILE"
SHOP_PAY_PAGE = "BOXOFFICE_SHOP__PAY_PAGE"
LETTERS_ADDRESS = "BOXOFFICE_LETTERS__ADDRESS"
API_PUBLIC_URL = "BOXOFFICE_API__PUBLIC_URL"
WORKER_DEPLOYMENT = "BOXOFFICE_WORKER__DEPLOYMENT"
WORKER_BUILD_ID = "BOXOFFICE_WORKER__BUILD_ID"
WORKER_READY_FILE = "BOXOFFICE_WORKER__READY_FILE"
PROJECTOR_READY_FILE = "BOXOFFICE_PROJECTOR__READY_FILE"

BUILD_DEFAULTS = {WORKER_DEPLOYMENT: "boxoffice", WORKER_BUILD_ID: "dev"}
# Where code is tried, a clock or a random number in a workflow fails at once.
RESTRICTED = {"BOXOFFICE_WORKER__SANDBOX": "restricted"}
# All callers of a stack on one machine come from one address, and most have no name: it gets the limits of many.
ONE_ADDRESS = {
    f"BOXOFFICE_LIMITS__{name}": most
    for name, most in {
        "KEY_PER_MINUTE": "1000000000",
        "ADDRESS_PER_MINUTE": "1000000000",
        "HEALTH_PER_MINUTE": "1000000000",
        "WEBHOOKS_PER_MINUTE": "1000000000",
        "CLIENT_SHARE_PERCENT": "100",
        "UNNAMED_SHARE_PERCENT": "100",
    }.items()
}
# The dev chain is our own: it sets no limits unless a switch says so.
OWN_CHAIN = {
    "BOXOFFICE_SOLANA__CALLS_PER_SECOND": "1000",
    "BOXOFFICE_SOLANA__SENDS_PER_SECOND": "1000",
    "BOXOFFICE_SOLANA__SIGNATURES_PER_MINUTE": "60000",
    "BOXOFFICE_SOLANA__PAYER_EVERY_SECONDS": "5",
}
# The inbox of the stack takes letters without a secured connection.
OWN_INBOX = {
    "BOXOFFICE_LETTERS__SECURITY": "none",
    "BOXOFFICE_LETTERS__SENDER": "Boxoffice <tickets@boxoffice.example>",
}
PORT_DEFAULTS = {
    "api": 8000, "temporal": 7233, "temporal_ui": 8233, "stripe": 12111, "solana": 8899, "inbox": 8025,
}  # fmt: skip
UNNAMED_PORTS = ("solana_ws", "postgres", "inbox_smtp")
PORT_NAMES = (*PORT_DEFAULTS, *UNNAMED_PORTS)


EARLY = (sys.executable, "-m", "devstack.supervisor.early")


@dataclass(frozen=True)
class Programs:
    """Command lines of our own processes; the emulator and the chain get `--port` and `--state` appended.

    With a `proxy` command the application reaches all servers through it (`devstack/proxy_routes.py`).
    """

    stripe: tuple[str, ...] = (*EARLY, "devstack.stripe.__main__")
    inbox: tuple[str, ...] = (*EARLY, "devstack.servers.inbox.__main__")
    chain: tuple[str, ...] = (*EARLY, "devstack.chain.__main__", "--slot-ms", "50")
    api: tuple[str, ...] = (*EARLY, "api.main")
    worker: tuple[str, ...] = (*EARLY, "worker")
    projector: tuple[str, ...] = (*EARLY, "projector")
    proxy: tuple[str, ...] = ()

    def early(self) -> dict[str, str]:
        """Return the modules of those that begin early, by name, in the order in which they are wanted."""
        return {name: command[len(EARLY)] for name, command in vars(self).items() if command[: len(EARLY)] == EARLY}


@dataclass(frozen=True)
class StackConfig:
    """One stack: data directory, ports, and the settings given by the user.

    `ports` maps names of `PORT_NAMES` to a number, 0 (a free port) or None (kept, default or free). `given` maps
    BOXOFFICE_ names to values; an address replaces the process that would have served it, a secret replaces the
    generated one. `withheld` has, by process of ours, the settings that it is not given. Without `syncs` the database
    survives a crash of its own, but not of the machine: for stacks that are thrown away.
    """

    data_dir: Path
    ports: Mapping[str, int | None] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    programs: Programs = Programs()
    headless: bool = False
    syncs: bool = True
    withheld: Mapping[str, Collection[str]] = field(default_factory=dict)
