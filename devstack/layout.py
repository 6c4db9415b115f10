"""The layout of the whole stack: which parts run, on which addresses, in which order."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from devstack import config as names
from devstack.airdrop import fund_issuer
from devstack.config import StackConfig
from devstack.part import Part
from devstack.ports import LOOPBACK
from devstack.postgres import postgres_part, postgres_url
from devstack.probes import forget_ready_file, http_probe, ready_file_probe
from devstack.state import API_KEY, ISSUER_SECRET, WEBHOOK_SECRET, Keys
from devstack.temporal import make_current, temporal_part
from devstack.webhook import WEBHOOK_PATH, register_webhook

WORLD = ("postgres", "temporal", "stripe", "chain")


class SettingMissingError(RuntimeError):
    """An outside part was given without what is needed to use it."""


@dataclass(frozen=True)
class Layout:
    """The parts to start, the environment that they share, and the addresses to tell."""

    parts: tuple[Part, ...]
    env: Mapping[str, str]
    urls: Mapping[str, str]


def shown(url: str) -> str:
    """Return an address without user, password and query: what may be printed and written to `stack.json`."""
    if "://" not in url:
        return url
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc.rpartition('@')[2]}{split.path}"


def _addresses(ports: Mapping[str, int]) -> dict[str, str]:
    api_url = f"http://{LOOPBACK}:{ports['api']}"
    return {
        names.POSTGRES_URL: postgres_url(ports["postgres"]),
        names.TEMPORAL_ADDRESS: f"{LOOPBACK}:{ports['temporal']}",
        names.STRIPE_API_BASE: f"http://{LOOPBACK}:{ports['stripe']}",
        names.SOLANA_RPC_URL: f"http://{LOOPBACK}:{ports['solana']}",
        names.SOLANA_WS_URL: f"ws://{LOOPBACK}:{ports['solana_ws']}",
        names.API_PUBLIC_URL: api_url,
    }


def _world(config: StackConfig, ports: Mapping[str, int], keys: Keys, env: Mapping[str, str]) -> list[Part]:
    """Describe the parts that stand for the outside world, without those that the user has given."""
    folder, here = config.data_dir, _addresses(ports)
    parts: list[Part] = []
    if names.POSTGRES_URL not in config.given:
        parts.append(postgres_part(folder / "postgres", ports["postgres"]))
    if names.TEMPORAL_ADDRESS not in config.given:
        ui_port = None if config.headless else ports["temporal_ui"]
        welcome = partial(make_current, here[names.TEMPORAL_ADDRESS], *(env[name] for name in names.BUILD_DEFAULTS))
        parts.append(temporal_part(folder / "temporal", ports["temporal"], ui_port, welcome))
    if names.STRIPE_API_BASE not in config.given:
        base = here[names.STRIPE_API_BASE]
        flags = ("--port", str(ports["stripe"]), "--state", str(_state_file(folder, "stripe")))
        target = f"http://{LOOPBACK}:{ports['api']}{WEBHOOK_PATH}"
        welcome = partial(register_webhook, base, env[API_KEY], target, keys)
        parts.append(Part("stripe", config.programs.stripe + flags, http_probe(f"{base}/health"), welcome=welcome))
    if names.SOLANA_RPC_URL not in config.given:
        rpc_url = here[names.SOLANA_RPC_URL]
        flags = ("--port", str(ports["solana"]), "--ws-port", str(ports["solana_ws"]))
        command = (*config.programs.chain, *flags, "--state", str(_state_file(folder, "chain")))
        welcome = partial(fund_issuer, rpc_url, env[ISSUER_SECRET])
        parts.append(Part("chain", command, http_probe(f"{rpc_url}/health"), welcome=welcome))
    return parts


def _state_file(folder: Path, name: str) -> Path:
    (folder / name).mkdir(parents=True, exist_ok=True)
    return folder / name / "state"


def _ours(config: StackConfig, ports: Mapping[str, int]) -> list[Part]:
    """Describe our own processes, which need the whole world first."""
    parts = []
    for name, command, variable in (
        ("projector", config.programs.projector, names.PROJECTOR_READY_FILE),
        ("worker", config.programs.worker, names.WORKER_READY_FILE),
    ):
        file = config.data_dir / "ready" / name
        probe, forget = ready_file_probe(file), partial(forget_ready_file, file)
        parts.append(Part(name, command, probe, {variable: str(file)}, needs=WORLD, before_start=forget))
    health = http_probe(f"http://{LOOPBACK}:{ports['api']}/health")
    parts.append(Part("api", config.programs.api, health, needs=WORLD))
    return parts


def lay_out(config: StackConfig, ports: Mapping[str, int], keys: Keys) -> Layout:
    """Describe the whole stack on these ports with these secrets."""
    outside_stripe = names.STRIPE_API_BASE in config.given
    missing = [name for name in (API_KEY, WEBHOOK_SECRET) if outside_stripe and name not in config.given]
    if missing:
        raise SettingMissingError(f"{names.STRIPE_API_BASE} is given, so {' and '.join(missing)} must be given too")
    # What the user gave wins over what was generated; the port was settled from the command line before.
    env = {**_addresses(ports), **names.BUILD_DEFAULTS, **keys.env, **config.given}
    env |= {names.API_HOST: LOOPBACK, names.API_PORT: str(ports["api"])}
    if names.SOLANA_RPC_URL in config.given and names.SOLANA_WS_URL not in config.given:
        del env[names.SOLANA_WS_URL]
    urls = {
        "api": f"http://{LOOPBACK}:{ports['api']}",
        "postgres": env[names.POSTGRES_URL]
        if names.POSTGRES_URL not in config.given
        else shown(env[names.POSTGRES_URL]),
        "temporal": env[names.TEMPORAL_ADDRESS],
        "stripe": shown(env[names.STRIPE_API_BASE]),
        "solana_rpc": shown(env[names.SOLANA_RPC_URL]),
    }
    if names.SOLANA_WS_URL in env:
        urls["solana_ws"] = shown(env[names.SOLANA_WS_URL])
    if names.TEMPORAL_ADDRESS not in config.given and not config.headless:
        urls["temporal_ui"] = f"http://{LOOPBACK}:{ports['temporal_ui']}"
    return Layout((*_world(config, ports, keys, env), *_ours(config, ports)), env, urls)
