"""Send webhooks in the Standard Webhooks format to addresses that tenants name: never into our own network."""

import socket
from collections.abc import Sequence
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

import aiohttp
from standardwebhooks.webhooks import Webhook
from yarl import URL

from domain.views.outgoing.endpoint import ReceiverAnswer

TIMEOUT = aiohttp.ClientTimeout(total=15.0, connect=5.0)
ANSWER_BYTES_MAX = 4_096
TRANSLATED = IPv6Network("64:ff9b::/96")  # NAT64: the last four bytes are an IPv4 address
FORBIDDEN = "address not allowed"
NOT_HTTPS = "not https"


def is_public(text: str) -> bool:
    """Return whether a text is an IP address of the public internet: not private, loopback, link-local or reserved."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address.teredo is not None:
            return False
        address = _inner(address)
    return address.is_global and not address.is_multicast


def _inner(address: IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, if it does for one."""
    if address in TRANSLATED:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


class _PublicSockets:
    """Makes the socket of a connection to the very address that is about to be connected to, if it is public."""

    def __init__(self) -> None:
        self.refused = False

    def __call__(self, about: Any) -> socket.socket:
        family, kind, protocol, _, place = about
        if not is_public(str(place[0])):
            self.refused = True
            raise OSError(FORBIDDEN)
        return socket.socket(family, kind, protocol)


class HttpWebhookSender:
    """Signs and posts; follows no redirect, keeps no connection, and reads at most a few kilobytes of an answer.

    With `allows_private` plain http and private addresses are allowed, for development.
    """

    def __init__(self, *, allows_private: bool = False) -> None:
        self._allows_private = allows_private

    async def post_event(
        self, url: str, secrets: Sequence[str], event_id: str, body: bytes, at: datetime
    ) -> ReceiverAnswer:
        """Send one event, once, signed with each secret; whatever goes wrong is the answer's fault."""
        if not self._allows_private and URL(url).scheme != "https":
            return ReceiverAnswer(None, NOT_HTTPS)
        headers = signed_headers(secrets, event_id, body, at)
        sockets = None if self._allows_private else _PublicSockets()
        try:
            return ReceiverAnswer(await _post(url, body, headers, sockets))
        except TimeoutError:
            return ReceiverAnswer(None, "timeout")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            is_forbidden = sockets is not None and sockets.refused
            return ReceiverAnswer(None, FORBIDDEN if is_forbidden else type(error).__name__)


def signed_headers(secrets: Sequence[str], event_id: str, body: bytes, at: datetime) -> dict[str, str]:
    """Return the headers of a webhook, signed with each secret."""
    signatures = " ".join(Webhook(secret).sign(event_id, at, body.decode()) for secret in secrets)
    return {
        "content-type": "application/json",
        "user-agent": "Boxoffice-Webhooks/1",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signatures,
    }


async def _post(url: str, body: bytes, headers: dict[str, str], sockets: _PublicSockets | None) -> int:
    """Return the status of the answer."""
    connector = aiohttp.TCPConnector(force_close=True, use_dns_cache=False, socket_factory=sockets)
    async with (
        aiohttp.ClientSession(connector=connector, timeout=TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
    ):
        await answer.content.read(ANSWER_BYTES_MAX)
        return answer.status
