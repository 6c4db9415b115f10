"""Topology of the whole stack: its processes, their addresses and their order."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from devstack import config as names
from devstack.config import StackConfig
from devstack.proxy_routes import WEBHOOKS, addresses_through_proxy, proxy_process
from devstack.servers.airdrop import address_of, fund_payer
from devstack.servers.postgres import postgres_process, postgres_url
from devstack.servers.temporal import temporal_process
from devstack.servers.webhook_endpoints import WEBHOOK_PATH, register_webhook
from devstack.supervisor.data_dir import (
    API_KEY,
    DELEGATE_SECRET,
    ISSUER_SECRET,
    PAYER_SECRET,
    PUBLISHABLE_KEY,
    ROLE_SECRETS,
    STACK_FILE,
    WEBHOOK_SECRET,
    StackSecrets,
)
from devstack.supervisor.ports import LOOPBACK
from devstack.supervisor.probes import http_probe, ready_file_probe, remove_ready_file
from devstack.supervisor.process import ProcessSpec

DEFAULT_TENANT = "default"  # whose key a new stack has
EMULATED_KEY = "pk_test_boxoffice"  # the emulator takes any
# The API verifies tokens by these addresses, and has none of the keys.
ADDRESS_OF_SECRET = {
    names.ISSUER_ADDRESS: ISSUER_SECRET,
    names.DELEGATE_ADDRESS: DELEGATE_SECRET,
}
OUTSIDE = ("postgres", "temporal", "stripe", "chain", "inbox")


class SettingMissingError(RuntimeError):
    """An outside server was given without the settings needed to use it."""


@dataclass(frozen=True)
class Topology:
    """The processes to start, their common environment, and the addresses to show."""

    processes: tuple[ProcessSpec, ...]
    env: Mapping[str, str]
    urls: Mapping[str, str]


def without_credentials(url: str) -> str:
    """Return an address without user, password and query, for output and `stack.json`."""
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
        names.LETTERS_ADDRESS: f"{LOOPBACK}:{ports['inbox_smtp']}",
        names.API_PUBLIC_URL: api_url,
    }


def _outside_processes(
    config: StackConfig, ports: Mapping[str, int], stack_secrets: StackSecrets, env: Mapping[str, str]
) -> list[ProcessSpec]:
    """Describe the servers of the outside world, except those whose address was given."""
    folder, local = config.data_dir, _addresses(ports)
    processes: list[ProcessSpec] = []
    if names.POSTGRES_URL not in config.given:
        processes.append(postgres_process(folder / "postgres", ports["postgres"], syncs=config.syncs))
    if names.TEMPORAL_ADDRESS not in config.given:
        ui_port = None if config.headless else ports["temporal_ui"]
        build = tuple(env[name] for name in names.BUILD_DEFAULTS)
        processes.append(temporal_process(folder / "temporal", ports["temporal"], ui_port, build))
    if names.STRIPE_API_BASE not in config.given:
        base = local[names.STRIPE_API_BASE]
        flags = ("--port", str(ports["stripe"]), "--state", str(_state_file(folder, "stripe")))
        api_port = ports[WEBHOOKS if config.programs.proxy else "api"]
        target = f"http://{LOOPBACK}:{api_port}{WEBHOOK_PATH}"
        on_ready = partial(register_webhook, base, env[API_KEY], target, stack_secrets)
        command = config.programs.stripe + flags
        processes.append(_early(ProcessSpec("stripe", command, http_probe(f"{base}/health"), on_ready=on_ready)))
    if names.SOLANA_RPC_URL not in config.given:
        rpc_url = local[names.SOLANA_RPC_URL]
        flags = ("--port", str(ports["solana"]), "--ws-port", str(ports["solana_ws"]))
        command = (*config.programs.chain, *flags, "--state", str(_state_file(folder, "chain")))
        on_ready = partial(fund_payer, rpc_url, env.get(PAYER_SECRET) or env[ISSUER_SECRET])
        processes.append(_early(ProcessSpec("chain", command, http_probe(f"{rpc_url}/health"), on_ready=on_ready)))
    if names.LETTERS_ADDRESS not in config.given:
        processes.append(_inbox_process(config, ports))
    return processes


def _inbox_process(config: StackConfig, ports: Mapping[str, int]) -> ProcessSpec:
    flags = ("--port", str(ports["inbox"]), "--smtp-port", str(ports["inbox_smtp"]))
    command = (*config.programs.inbox, *flags, "--state", str(config.data_dir / "inbox"))
    return _early(ProcessSpec("inbox", command, http_probe(f"http://{LOOPBACK}:{ports['inbox']}/health")))


def _early(process: ProcessSpec) -> ProcessSpec:
    """Let a program begin before what it needs, if its command says that it can."""
    begins = process.command[: len(names.EARLY)] == names.EARLY
    return replace(process, early=process.command[len(names.EARLY) :]) if begins else process


def _state_file(folder: Path, name: str) -> Path:
    (folder / name).mkdir(parents=True, exist_ok=True)
    return folder / name / "state"


def _own_processes(config: StackConfig, ports: Mapping[str, int], env: Mapping[str, str]) -> list[ProcessSpec]:
    """Describe our own processes, which need all servers first, and the proxy if one is configured."""
    programs, processes = config.programs, list[ProcessSpec]()
    if programs.proxy:
        processes.append(proxy_process(programs.proxy, ports))
    needs = (*OUTSIDE, *(process.name for process in processes))
    own = {
        name: addresses_through_proxy(name, env, ports) if programs.proxy else {}
        for name in ("projector", "worker", "api")
    }
    for name, command, variable in (
        ("projector", programs.projector, names.PROJECTOR_READY_FILE),
        ("worker", programs.worker, names.WORKER_READY_FILE),
    ):
        file = config.data_dir / "ready" / name
        probe, before_start = ready_file_probe(file), partial(remove_ready_file, file)
        own_env = {**own[name], variable: str(file)}
        withheld = config.withheld.get(name, ())
        processes.append(ProcessSpec(name, command, probe, own_env, withheld, needs, before_start=before_start))
    health = http_probe(f"http://{LOOPBACK}:{ports['api']}/health/ready")
    processes.append(ProcessSpec("api", programs.api, health, own["api"], config.withheld.get("api", ()), needs))
    return [_early(process) for process in processes]


def build_topology(config: StackConfig, ports: Mapping[str, int], stack_secrets: StackSecrets) -> Topology:
    """Describe the whole stack on these ports with these secrets."""
    outside_stripe = names.STRIPE_API_BASE in config.given
    missing = [name for name in (API_KEY, WEBHOOK_SECRET) if outside_stripe and name not in config.given]
    if missing:
        raise SettingMissingError(f"{names.STRIPE_API_BASE} is given, so {' and '.join(missing)} must be given too")
    # Given settings win over generated ones; the API's port comes from the command line.
    pay_page = f"{_addresses(ports)[names.STRIPE_API_BASE]}/pay"  # browsers reach it without any proxy
    emulated = {} if outside_stripe else {PUBLISHABLE_KEY: EMULATED_KEY, names.SHOP_PAY_PAGE: pay_page}
    shop = {PUBLISHABLE_KEY: "", names.SHOP_TENANT: DEFAULT_TENANT, **emulated}
    shop[names.SHOP_STACK_FILE] = str((config.data_dir / STACK_FILE).resolve())
    has_ui = names.TEMPORAL_ADDRESS not in config.given and not config.headless
    ui = {"temporal_ui": f"http://{LOOPBACK}:{ports['temporal_ui']}"} if has_ui else {}
    if has_ui:
        shop[names.TEMPORAL_UI_URL] = ui["temporal_ui"]
    defaults = {**names.BUILD_DEFAULTS, **names.RESTRICTED, **names.ONE_ADDRESS, **shop}
    outside_chain = names.SOLANA_RPC_URL in config.given
    own_chain = {} if outside_chain else names.OWN_CHAIN
    kept = {name: value for name, value in stack_secrets.env.items() if not (outside_chain and name in ROLE_SECRETS)}
    own_inbox = {} if names.LETTERS_ADDRESS in config.given else names.OWN_INBOX
    env = {**_addresses(ports), **own_chain, **own_inbox, **defaults, **kept, **config.given}
    for address, seed in ADDRESS_OF_SECRET.items():
        if env.get(seed):
            env.setdefault(address, address_of(env[seed]))
    env |= {names.API_HOST: LOOPBACK, names.API_PORT: str(ports["api"])}
    urls = {
        "api": f"http://{LOOPBACK}:{ports['api']}",
        "postgres": env[names.POSTGRES_URL]
        if names.POSTGRES_URL not in config.given
        else without_credentials(env[names.POSTGRES_URL]),
        "temporal": env[names.TEMPORAL_ADDRESS],
        "stripe": without_credentials(env[names.STRIPE_API_BASE]),
        "solana_rpc": without_credentials(env[names.SOLANA_RPC_URL]),
    }
    if not outside_chain:
        urls["solana_ws"] = f"ws://{LOOPBACK}:{ports['solana_ws']}"
    if names.LETTERS_ADDRESS not in config.given:
        urls["inbox"] = f"http://{LOOPBACK}:{ports['inbox']}"
    return Topology(
        (*_outside_processes(config, ports, stack_secrets, env), *_own_processes(config, ports, env)),
        env,
        urls | ui,
    )
