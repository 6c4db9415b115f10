"""`make sbom` lists the packages of the image."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKED = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)


@pytest.mark.nightly
def test_the_list_has_every_package_of_the_lock(tmp_path: Path) -> None:
    """Each locked package is there in its version, with its hashes, and so is the product itself."""
    target = tmp_path / "sbom.json"
    subprocess.run(["make", "sbom", f"SBOM={target}"], cwd=ROOT, check=True, capture_output=True)
    listed = json.loads(target.read_text())
    assert (listed["bomFormat"], listed["metadata"]["component"]["name"]) == ("CycloneDX", "boxoffice")
    found = {(one["name"], one["version"]) for one in listed["components"]}
    assert found == set(LOCKED.findall((ROOT / "requirements-production.txt").read_text()))
    assert all(one["externalReferences"][0]["hashes"] for one in listed["components"])
