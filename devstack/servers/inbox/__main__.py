"""Start the inbox: `python -m devstack.servers.inbox --port N --smtp-port M --state FOLDER`."""

import argparse
from pathlib import Path

import uvicorn

from devstack.servers.inbox.app import LOOPBACK, create_app


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="devstack.servers.inbox", description="An inbox for development.")
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on; another one only in a container")
    parser.add_argument("--port", type=int, required=True, help="port of the pages")
    parser.add_argument("--smtp-port", type=int, required=True, help="port of the mail server")
    parser.add_argument("--state", type=Path, required=True, help="the folder of the letters; created if absent")
    given = parser.parse_args()
    app = create_app(given.state, given.smtp_port, given.host)
    uvicorn.run(app, host=given.host, port=given.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
