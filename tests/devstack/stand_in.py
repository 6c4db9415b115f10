"""Stand-in for the emulator, the chain and our programs, with `ROLE [--port N --state FILE ...]`."""

import argparse
import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs


class Answers(BaseHTTPRequestHandler):
    """Answers the supervisor's calls of the emulator, the chain and the API; its state is one JSON file."""

    state_file: Path | None = None

    def _read(self) -> dict[str, Any]:
        if self.state_file is not None and self.state_file.exists():
            return dict(json.loads(self.state_file.read_text()))
        return {"endpoints": [], "balances": {}, "airdrops": 0}

    def _keep(self, state: dict[str, Any]) -> None:
        assert self.state_file is not None, "this stand-in keeps no state"
        self.state_file.write_text(json.dumps(state))

    def _say(self, body: object) -> None:
        encoded = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.startswith("/v1/webhook_endpoints"):
            listed = [{k: v for k, v in one.items() if k != "secret"} for one in self._read()["endpoints"]]
            self._say({"data": listed})
        else:
            self._say({"env": {k: v for k, v in os.environ.items() if k.startswith("BOXOFFICE_")}})

    def do_DELETE(self) -> None:
        state = self._read()
        state["endpoints"] = [one for one in state["endpoints"] if one["id"] != self.path.rsplit("/", 1)[1]]
        self._keep(state)
        self._say({"deleted": True})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        state = self._read()
        if self.path.startswith("/v1/webhook_endpoints"):
            made = {"id": f"we_{time.time_ns()}", "url": parse_qs(body)["url"][0], "secret": f"whsec_{time.time_ns()}"}
            state["endpoints"].append(made)
            self._keep(state)
            self._say(made)
            return
        call = json.loads(body)
        address = call["params"][0]
        if call["method"] == "requestAirdrop":
            state["balances"][address] = state["balances"].get(address, 0) + call["params"][1]
            state["airdrops"] += 1
            self._keep(state)
            self._say({"result": "signature"})
        else:
            self._say({"result": {"value": state["balances"].get(address, 0)}})


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asked = argparse.ArgumentParser()
    asked.add_argument("role")
    asked.add_argument("--port", type=int, default=int(os.environ.get("BOXOFFICE_API__PORT", "0")))
    asked.add_argument("--ws-port", type=int)
    asked.add_argument("--smtp-port", type=int)
    asked.add_argument("--state", type=Path)
    given = asked.parse_args()
    if given.role == "broken":
        sys.exit("this process cannot start")
    if given.role in ("worker", "projector"):
        ready = Path(os.environ[f"BOXOFFICE_{given.role.upper()}__READY_FILE"])
        ready.with_suffix(".env").write_text(json.dumps(dict(os.environ)))
        ready.write_text(str(os.getpid()))
        while True:
            time.sleep(60)
    Answers.state_file = given.state
    ThreadingHTTPServer(("127.0.0.1", given.port), Answers).serve_forever()


if __name__ == "__main__":
    main()
