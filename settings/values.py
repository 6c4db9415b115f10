"""Types of settings: text that is checked when it is read, so that a bad value is named at the start."""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, SecretStr

from adapters.solana.keys import parse_wallet, seed_of
from domain.core.errors import InvalidWallet

KEY_BYTES = 32
SECRET_CHARS_MIN = 32
KEY_ID = re.compile(r"[A-Za-z0-9_\-]{1,32}")
PORT_MAX = 65_535
WEIGHT_MAX = 100
WEBHOOK_SECRETS_MAX = 2


def check_port(port: int | None) -> None:
    """Raise ValueError for a port that cannot be one; None is the scheme's own."""
    if port is not None and not 1 <= port <= PORT_MAX:
        raise ValueError(f"the port must be 1 to {PORT_MAX}")


def split_url(text: str, schemes: tuple[str, ...]) -> SplitResult:
    """Split a URL with one of these schemes, a host and a possible port; raise ValueError for any other text."""
    refusal = f"must be a URL {' or '.join(f'{scheme}://' for scheme in schemes)} with a host"
    try:
        split = urlsplit(text)
    except ValueError:  # its text would show the password
        raise ValueError(refusal) from None
    if split.scheme not in schemes or not split.hostname or any(char.isspace() for char in text):
        raise ValueError(refusal)
    try:
        check_port(split.port)
    except ValueError:
        raise ValueError(f"the port must be 1 to {PORT_MAX}") from None
    return split


def url_with(*schemes: str) -> Callable[[str], str]:
    """Return the check of a URL with one of these schemes."""

    def check(text: str) -> str:
        split_url(text, schemes)
        return text

    return check


def check_postgres_url(text: str) -> str:
    """Check that libpq can read a URL, and that its ports can be ports."""
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("must be a URL postgresql:// with a host")
    try:
        ports = str(conninfo_to_dict(text).get("port") or "").split(",")
    except (ProgrammingError, ValueError):  # its text would show the password
        raise ValueError(
            "is not a URL that libpq can read; check its parameters and escape special characters"
        ) from None
    for port in filter(None, ports):
        if not port.isdecimal():
            raise ValueError(f"the port must be 1 to {PORT_MAX}")
        check_port(int(port))
    return text


def check_host_port(text: str) -> str:
    """Check an address `host:port`."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or "/" in text or any(char.isspace() for char in text) or not port.isdecimal():
        raise ValueError("must be host:port, without a scheme")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise ValueError("an IPv6 address must be in brackets: [::1]:7233")
    check_port(int(port))
    return text


def check_address(text: str) -> str:
    """Check the address of a wallet of ours: one that a key, or a vault's program, can sign for."""
    try:
        parse_wallet(text, vault=True)
    except InvalidWallet as refused:
        raise ValueError(str(refused)) from None
    return text


def check_nodes(text: str) -> str:
    """Check a list of nodes: URLs separated by spaces, each after its weight if it has one."""
    for url, weight in nodes_in(text):
        url_with("http", "https")(url)
        if not 1 <= weight <= WEIGHT_MAX:
            raise ValueError(f"a weight must be 1 to {WEIGHT_MAX}")
    if text.split() and text.rsplit(maxsplit=1)[-1].isdecimal():
        raise ValueError("a weight without a URL")
    return text


def nodes_in(text: str) -> list[tuple[str, int]]:
    """Return the URL and the weight of each node in a list."""
    found, weight = list[tuple[str, int]](), 1
    for word in text.split():
        if word.isdecimal():
            weight = int(word)
        else:
            found.append((word, weight))
            weight = 1
    return found


def check_seed(secret: SecretStr) -> SecretStr:
    """Check a seed; an empty one is not set. The error never shows a part of it."""
    if secret.get_secret_value():
        try:
            seed_of(secret.get_secret_value())
        except ValueError:
            raise ValueError("must be 32 bytes in hex or base58; make one with: openssl rand -hex 32") from None
    return secret


def check_seeds(secret: SecretStr) -> SecretStr:
    """Check seeds separated by spaces; empty is none."""
    for word in words_in(secret.get_secret_value()):
        check_seed(SecretStr(word))
    return secret


def check_addresses(text: str) -> str:
    """Check addresses of ours, separated by spaces; empty is none."""
    for word in words_in(text):
        check_address(word)
    return text


def words_in(text: str) -> tuple[str, ...]:
    """Return the words of a list that is separated by spaces."""
    return tuple(text.split())


def check_webhook_secrets(secret: SecretStr) -> SecretStr:
    """Check the secrets of an endpoint: one, or two while it rotates; empty is not set."""
    if secret.get_secret_value() and not 1 <= len(secrets_in(secret)) <= WEBHOOK_SECRETS_MAX:
        raise ValueError(f"must be one secret, or {WEBHOOK_SECRETS_MAX} with a comma between them")
    return secret


def secrets_in(secret: SecretStr) -> tuple[str, ...]:
    """Return the secrets of a webhook endpoint."""
    return tuple(part for given in secret.get_secret_value().split(",") if (part := given.strip()))


SEED = AfterValidator(check_seed)  # marks every seed, so that the check of all settings finds them
Seed = Annotated[SecretStr, SEED]
Seeds = Annotated[SecretStr, AfterValidator(check_seeds)]
WebhookSecrets = Annotated[SecretStr, AfterValidator(check_webhook_secrets)]
HttpUrl = Annotated[str, AfterValidator(url_with("http", "https"))]
PostgresUrl = Annotated[str, AfterValidator(check_postgres_url)]
SolanaNodes = Annotated[str, AfterValidator(check_nodes)]
HostPort = Annotated[str, AfterValidator(check_host_port)]
SolanaAddress = Annotated[str, AfterValidator(check_address)]
SolanaAddresses = Annotated[str, AfterValidator(check_addresses)]


def keys_of(text: SecretStr) -> dict[str, bytes]:
    """Parse `id:base64,id:base64`, in order; raise ValueError, which does not contain a key."""
    keys: dict[str, bytes] = {}
    for part in text.get_secret_value().split(",") if text.get_secret_value() else ():
        key_id, colon, encoded = part.strip().partition(":")
        if not colon or not KEY_ID.fullmatch(key_id) or key_id in keys:
            raise ValueError(
                "keys are id:base64, separated by commas; an id has letters, digits, - and _, and is unique"
            )
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            raise ValueError(f"key {key_id} is not base64") from None
        if len(key) != KEY_BYTES:
            raise ValueError(f"key {key_id} has {len(key)} bytes instead of {KEY_BYTES}")
        keys[key_id] = key
    return keys


def _checked_keys(text: SecretStr) -> SecretStr:
    keys_of(text)
    return text


Keys = Annotated[SecretStr, AfterValidator(_checked_keys)]


SUFFIX_CHARS_MAX = 10  # with the longest prefix that Stripe shortens to, and "* " between them, a line of 22
SUFFIX_FORBIDDEN = re.compile(r"[<>\\'\"*]")


def check_statement_suffix(text: str) -> str:
    """Check a statement descriptor suffix as Stripe does; empty is none."""
    if not text:
        return text
    if len(text) > SUFFIX_CHARS_MAX or SUFFIX_FORBIDDEN.search(text) or not re.search(r"[A-Za-z]", text):
        raise ValueError(f"must be 1 to {SUFFIX_CHARS_MAX} characters with a letter, and none of < > \\ ' \" *")
    if not (text.isascii() and text.isprintable()):
        raise ValueError("must be printable ASCII")
    return text


def check_country(text: str) -> str:
    """Check a country code; empty is none."""
    if text and not re.fullmatch(r"[A-Z]{2}", text):
        raise ValueError("must be a country as ISO 3166 has it, two capital letters")
    return text


StatementSuffix = Annotated[str, AfterValidator(check_statement_suffix)]
Country = Annotated[str, AfterValidator(check_country)]
