"""The way through the proxy: a route for each pair of a program of ours and what it reaches."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from devstack import config as names
from devstack.part import Part
from devstack.ports import LOOPBACK
from devstack.probes import http_probe

CONTROL = "proxy"
WEBHOOKS = "stripe.api"
BUYERS = "buyer.api"


class Detour(NamedTuple):
    """A program, the setting in which it finds an address, and the part that listens there."""

    program: str
    setting: str
    part: str


DETOURS = {
    f"{program}.{part}": Detour(program, setting, part)
    for program, setting, part in (
        ("api", names.POSTGRES_URL, "postgres"),
        ("worker", names.POSTGRES_URL, "postgres"),
        ("projector", names.POSTGRES_URL, "postgres"),
        ("api", names.TEMPORAL_ADDRESS, "temporal"),
        ("worker", names.TEMPORAL_ADDRESS, "temporal"),
        ("worker", names.STRIPE_API_BASE, "stripe"),
        ("api", names.SOLANA_RPC_URL, "solana"),
        ("worker", names.SOLANA_RPC_URL, "solana"),
    )
}
ROUTES = (*DETOURS, WEBHOOKS, BUYERS)
PORT_NAMES = (CONTROL, *ROUTES)


def proxy_part(command: tuple[str, ...], ports: Mapping[str, int]) -> Part:
    """Describe the proxy with its routes; webhooks and buyers come to the API through it too."""
    behind = {name: ports[detour.part] for name, detour in DETOURS.items()} | dict.fromkeys(
        (WEBHOOKS, BUYERS), ports["api"]
    )
    flags = [f"--route={name}={ports[name]}:{target}" for name, target in behind.items()]
    control = f"http://{LOOPBACK}:{ports[CONTROL]}"
    return Part(CONTROL, (*command, "--port", str(ports[CONTROL]), *flags), http_probe(f"{control}/health"))


def detoured(program: str, env: Mapping[str, str], ports: Mapping[str, int]) -> dict[str, str]:
    """Return the addresses of a program's own, each with the proxy's port in place of the part's."""
    return {
        detour.setting: _with_port(env[detour.setting], ports[name])
        for name, detour in DETOURS.items()
        if detour.program == program and detour.setting in env
    }


def _with_port(address: str, port: int) -> str:
    if "://" not in address:
        return f"{address.rpartition(':')[0]}:{port}"
    split = urlsplit(address)
    return split._replace(netloc=f"{split.netloc.rpartition(':')[0]}:{port}").geturl()
