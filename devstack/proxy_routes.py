"""Routes through the proxy: one for each program of ours and each server that it reaches."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from devstack import config as names
from devstack.supervisor.ports import LOOPBACK
from devstack.supervisor.probes import http_probe
from devstack.supervisor.process import ProcessSpec

CONTROL = "proxy"
WEBHOOKS = "stripe.api"
BUYERS = "buyer.api"


class ProxyRoute(NamedTuple):
    """A program, the setting with a server's address, and the process that listens there."""

    program: str
    setting: str
    process: str


PROXY_ROUTES = {
    f"{program}.{process}": ProxyRoute(program, setting, process)
    for program, setting, process in (
        ("api", names.POSTGRES_URL, "postgres"),
        ("worker", names.POSTGRES_URL, "postgres"),
        ("projector", names.POSTGRES_URL, "postgres"),
        ("api", names.TEMPORAL_ADDRESS, "temporal"),
        ("worker", names.TEMPORAL_ADDRESS, "temporal"),
        ("worker", names.STRIPE_API_BASE, "stripe"),
        ("api", names.SOLANA_RPC_URL, "solana"),
        ("worker", names.SOLANA_RPC_URL, "solana"),
        ("worker", names.LETTERS_ADDRESS, "inbox_smtp"),
    )
}
ROUTES = (*PROXY_ROUTES, WEBHOOKS, BUYERS)
PORT_NAMES = (CONTROL, *ROUTES)


def proxy_process(command: tuple[str, ...], ports: Mapping[str, int]) -> ProcessSpec:
    """Describe the proxy process with its routes; webhooks and buyers reach the API through it too."""
    behind = {name: ports[route.process] for name, route in PROXY_ROUTES.items()} | dict.fromkeys(
        (WEBHOOKS, BUYERS), ports["api"]
    )
    flags = [f"--route={name}={ports[name]}:{target}" for name, target in behind.items()]
    control = f"http://{LOOPBACK}:{ports[CONTROL]}"
    return ProcessSpec(CONTROL, (*command, "--port", str(ports[CONTROL]), *flags), http_probe(f"{control}/health"))


def addresses_through_proxy(program: str, env: Mapping[str, str], ports: Mapping[str, int]) -> dict[str, str]:
    """Return a program's server addresses, each with the proxy's port."""
    return {
        route.setting: _with_port(env[route.setting], ports[name])
        for name, route in PROXY_ROUTES.items()
        if route.program == program and route.setting in env
    }


def _with_port(address: str, port: int) -> str:
    if "://" not in address:
        return f"{address.rpartition(':')[0]}:{port}"
    split = urlsplit(address)
    return split._replace(netloc=f"{split.netloc.rpartition(':')[0]}:{port}").geturl()
