"""The wheel, the image and its build context hold the whole product: every room and front door, and nothing more."""

import re
import tomllib

from tests.architecture.test_architecture_page import ROOT
from tests.architecture.test_folders import rooms

FRONT_DOORS = {path.name for path in ROOT.glob("*.py")}
PRODUCT = rooms() - {"bench"} | FRONT_DOORS


def test_the_wheel_packs_the_product() -> None:
    """A room that is left out would be missing from an installed `boxoffice`."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert set(build["targets"]["wheel"]["only-include"]) == PRODUCT


def test_the_image_is_built_from_the_product() -> None:
    """Whatever the Dockerfile copies is in the build context, and it copies every room and front door."""
    lines = re.findall(r"^COPY ([^-].*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    copied = {name for line in lines for name in line.split()}
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == sent
    assert copied >= PRODUCT
