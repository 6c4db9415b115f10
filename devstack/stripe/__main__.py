"""Start the emulator: `python -m devstack.stripe --port N --state FILE.sqlite`."""

import argparse
from pathlib import Path

import uvicorn

from devstack.stripe.http.app import RETRY_SECONDS, create_app


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="devstack.stripe", description="A Stripe emulator.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; another one only in a container")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="the SQLite file; created if absent")
    parser.add_argument("--platform-secret", help="the only accepted secret key; by default any sk_test_")
    parser.add_argument("--webhook-retry-seconds", type=float, default=RETRY_SECONDS, help="pause before a redelivery")
    given = parser.parse_args()
    app = create_app(given.state, given.platform_secret, given.webhook_retry_seconds)
    uvicorn.run(app, host=given.host, port=given.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
