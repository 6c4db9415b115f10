"""Start the proxy: `python -m devstack.proxy --port 9000 --route worker.postgres=9001:5432`."""

import argparse
import re

import uvicorn

from devstack.proxy.app import create_app
from devstack.proxy.route import LOOPBACK, Route

ROUTE = re.compile(r"(?P<name>[a-z_.]+)=(?P<listen>\d+):(?P<target>\d+)")


def route_of(text: str) -> Route:
    """Parse `name=listen:target`, two ports of 127.0.0.1."""
    found = ROUTE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text}: expected name=listen:target")
    return Route(found["name"], int(found["listen"]), int(found["target"]))


def main() -> None:
    """Run the proxy until SIGTERM."""
    parser = argparse.ArgumentParser(prog="devstack.proxy", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port of the control API")
    parser.add_argument("--route", type=route_of, action="append", default=[], help="name=listen:target")
    options = parser.parse_args()
    # asyncio's own loop: a reset reaches into the sockets, and uvloop's refuse that once the other side has gone.
    uvicorn.run(
        create_app(options.route),
        host=LOOPBACK,
        port=options.port,
        loop="asyncio",
        log_level="warning",
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
