"""Start the dev chain: `python -m devstack.chain --port 8899 --state chain.sqlite`."""

import argparse
import asyncio
from pathlib import Path

import uvicorn
import uvloop
from starlette.applications import Starlette

from devstack.chain.account_store import AccountStore
from devstack.chain.app import Chain, build_rpc_app, build_socket_app


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="devstack.chain", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; another one only in a container")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ws-port", type=int, default=None, help="default: port + 1; 0: any free port")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--slot-ms", type=int, default=400)
    parser.add_argument("--finalized-slots", type=int, default=32)
    return parser.parse_args()


def _server(app: Starlette, host: str, port: int) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        ws="websockets-sansio",
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


async def _serve(arguments: argparse.Namespace) -> None:
    chain = Chain(AccountStore(arguments.state), arguments.slot_ms, arguments.finalized_slots)
    ws_port = arguments.port + 1 if arguments.ws_port is None else arguments.ws_port
    main = _server(build_rpc_app(chain), arguments.host, arguments.port)
    second = _server(build_socket_app(chain), arguments.host, ws_port)
    # Only the main server handles signals; the second one stops with it.
    beside = asyncio.create_task(second._serve())  # noqa: SLF001 - the public method would take the signals too
    await main.serve()
    second.should_exit = True
    await beside


def main() -> None:
    """Serve until stopped."""
    uvloop.run(_serve(_arguments()))


if __name__ == "__main__":
    main()
