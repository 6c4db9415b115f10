"""The files for Kubernetes name only commands, ports, settings, probes and images that exist."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import worker
from activities.registry import all_queues
from adapters.telemetry.server import PROBE_PATHS, READY_SECONDS
from api.app import described_app
from api.main import SHUTDOWN_SECONDS
from settings import secret_settings, setting_names
from settings.check import needs_of, settings_of
from tests.architecture.test_compose import COMPLETE, OURS, check_command, metrics_port, process_of, versions

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
OBJECTS: list[dict[str, Any]] = [
    one for name in KUSTOMIZATION["resources"] for one in yaml.safe_load_all((FOLDER / name).read_text())
]
PROCESSES = ["api", "projector", "reconcile", "relay", *(f"worker-{queue}" for queue in sorted(all_queues()))]
SETTINGS = dict(
    line.split("=", 1) for line in (FOLDER / "settings.env").read_text().splitlines() if not line.startswith("#")
)
URL = "BOXOFFICE_POSTGRES__URL"  # of a server outside: it has a password
GIVEN = {
    **COMPLETE,
    URL: "postgresql://boxoffice:word@database.example/boxoffice?sslmode=verify-full&sslrootcert=system",
}
SCHEMAS = "kubernetes-validate==1.37.0"
VALIDATE = """
import sys, yaml, kubernetes_validate as schemas
for one in yaml.safe_load_all(sys.stdin):
    schemas.validate(one, schemas.latest_version(), strict=True)
"""


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in OBJECTS if one["kind"] == kind}


DEPLOYMENTS = of_kind("Deployment")


def container(name: str) -> dict[str, Any]:
    (found,) = pod(name)["containers"]
    return dict(found)


def pod(name: str) -> dict[str, Any]:
    """Return the specification of a process's pods, or of the job's."""
    return dict((DEPLOYMENTS | of_kind("Job"))[name]["spec"]["template"]["spec"])


def secrets(name: str) -> set[str]:
    return {one["name"] for one in container(name)["env"] if "valueFrom" in one}


def test_every_file_is_used_and_every_process_is_there() -> None:
    """No file is forgotten, and there are the api, the projector and one worker for each queue."""
    used = {"kustomization.yaml", *KUSTOMIZATION["resources"], *KUSTOMIZATION["configMapGenerator"][0]["envs"]}
    assert {path.name for path in FOLDER.iterdir()} == used
    assert sorted(DEPLOYMENTS) == PROCESSES


@pytest.mark.parametrize("name", [*PROCESSES, "migrate"])
def test_a_process_starts_with_its_settings(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its settings exist and are accepted in production, and its one secret has what it needs and no more."""
    process, queues = process_of(name)
    needs = needs_of(process, queues)
    assert secrets(name) - {URL} == needs & secret_settings()
    for one in container(name)["env"]:
        if "valueFrom" in one:
            assert one["valueFrom"]["secretKeyRef"] == {"name": name, "key": one["name"]}
    plain = {one["name"]: one["value"] for one in container(name)["env"] if "value" in one}
    monkeypatch.chdir(tmp_path)
    known = {setting for setting, _, _ in setting_names()}
    for setting in known:
        monkeypatch.delenv(setting, raising=False)
    given = {**SETTINGS, **plain, **{setting: GIVEN[setting] for setting in secrets(name)}}
    assert given.keys() <= known
    for setting, value in given.items():
        monkeypatch.setenv(setting, value or GIVEN[setting])
    settings = settings_of(process, queues)
    assert settings.environment == "production"
    (source,) = container(name)["envFrom"]
    assert source == {"configMapRef": {"name": KUSTOMIZATION["configMapGenerator"][0]["name"]}}


@pytest.mark.parametrize("name", PROCESSES)
def test_the_command_and_the_probes_are_of_this_code(name: str) -> None:
    """The module exists, and the probes ask what the process answers, or writes."""
    one = container(name)
    check_command(one["command"])
    assert one["command"] == OURS[name]["command"]
    port, metrics = one["ports"] if name == "api" else [None, *one["ports"]]
    given = {e["name"]: e.get("value") for e in one["env"]}
    assert metrics_port(name, one["command"], given) == metrics["containerPort"]
    assert SETTINGS["BOXOFFICE_TELEMETRY__HOST"] == "0.0.0.0"
    if port is not None:
        assert str(port["containerPort"]) == next(e["value"] for e in one["env"] if e["name"] == "BOXOFFICE_API__PORT")
        assert of_kind("Service")["api"]["spec"]["ports"][0]["targetPort"] == port["name"]
        paths = described_app().openapi()["paths"]
        for probe, path in (("startup", "ready"), ("liveness", "live"), ("readiness", "ready")):
            assert one[f"{probe}Probe"]["httpGet"] == {"path": f"/health/{path}", "port": port["name"]}
            assert f"/health/{path}" in paths
        return
    asked = {probe: one[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")}
    assert all(probe["port"] == metrics["name"] and probe["path"] in PROBE_PATHS for probe in asked.values())
    assert (asked["liveness"]["path"], asked["readiness"]["path"]) == ("/live", "/ready")
    # A rebuild of the read models takes as long as it takes: nothing may end the projector meanwhile.
    assert asked["startup"]["path"] == ("/live" if name == "projector" else "/ready")
    for probe in asked:
        assert one[f"{probe}Probe"]["timeoutSeconds"] > READY_SECONDS


def test_the_database_is_migrated_before_a_process_starts() -> None:
    """A job of its own runs the steps, with the secret of the owner; each process waits for them with its own."""
    assert container("migrate")["command"] == OURS["migrate"]["command"]
    for name in PROCESSES:
        (waiting,) = pod(name)["initContainers"]
        command = re.fullmatch(r"until (boxoffice .+); do sleep \d+; done", waiting["args"][0])
        assert command is not None
        check_command(command[1].split())
        assert command[1] == "boxoffice migrate --check"
        assert [one["name"] for one in waiting["env"]] == [URL]
        for part in ("image", "envFrom", "securityContext", "volumeMounts"):
            assert waiting[part] == container(name)[part]
        assert waiting["env"][0] in container(name)["env"]
        assert waiting["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", PROCESSES)
def test_a_pod_can_do_little_and_stops_in_time(name: str) -> None:
    """It has no rights, no token of the cluster and a bound; more than one runs, and one at a time may be taken."""
    spec = DEPLOYMENTS[name]["spec"]["template"]["spec"]
    rights = container(name)["securityContext"]
    assert (spec["enableServiceLinks"], spec["automountServiceAccountToken"]) == (False, False)
    assert spec["securityContext"]["runAsUser"] == int(
        re.findall(r"^USER (\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[-1]
    )
    assert rights["readOnlyRootFilesystem"]
    assert not rights["allowPrivilegeEscalation"]
    assert rights["capabilities"] == {"drop": ["ALL"]}
    assert container(name)["resources"]["limits"]["memory"]
    assert spec["terminationGracePeriodSeconds"] >= 2 * max(worker.GRACE.total_seconds(), SHUTDOWN_SECONDS)
    labels = DEPLOYMENTS[name]["spec"]["template"]["metadata"]["labels"]
    selector = DEPLOYMENTS[name]["spec"]["selector"]["matchLabels"]
    budget = of_kind("PodDisruptionBudget")[name]["spec"]
    assert selector.items() <= labels.items()
    assert budget == {"maxUnavailable": 1, "selector": {"matchLabels": selector}}
    assert (DEPLOYMENTS[name]["spec"]["replicas"] > 1) == (name != "reconcile")


def test_images_and_build_are_those_of_the_compose_file() -> None:
    """Every image has the tag of the versions table, and the build that gets the work is the one that runs."""
    named = {one["name"]: one["newTag"] for one in KUSTOMIZATION["images"]}
    used = {
        found["image"] for one in OBJECTS if "template" in one["spec"]
        for found in one["spec"]["template"]["spec"]["containers"]
    }  # fmt: skip
    assert used == named.keys()
    assert named.items() <= versions().items()
    assert SETTINGS["BOXOFFICE_WORKER__BUILD_ID"] == versions()["boxoffice"]
    routing = container("worker-routing")
    assert {one["valueFrom"]["configMapKeyRef"]["key"] for one in routing["env"]} <= SETTINGS.keys()


@pytest.mark.nightly
@pytest.mark.registries
def test_the_objects_are_what_kubernetes_expects(tmp_path: Path) -> None:
    """Every object follows the schema of its kind, and an unknown field is refused: the schemas are of a package."""
    uv, python = Path(sys.executable).parent / "uv", tmp_path / "venv" / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", "-p", sys.executable, tmp_path / "venv"], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "-p", python, SCHEMAS], check=True)
    command = [str(python), "-c", VALIDATE]
    whole = yaml.safe_dump_all(OBJECTS)
    subprocess.run(command, input=whole, text=True, check=True)
    spoilt = subprocess.run(
        command, input=whole.replace("replicas", "replicaz"), text=True, check=False, capture_output=True
    )
    assert "replicaz" in spoilt.stderr
