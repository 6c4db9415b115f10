"""Files of a data directory: the lock, `stack.json` for everyone, `secrets.json` for its owner."""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STACK_FILE = "stack.json"
SECRETS_FILE = "secrets.json"
PORTS_FILE = "ports.json"
KEY_FILE = "development.key"
SEED_BYTES = 32

ISSUER_SECRET = "BOXOFFICE_SOLANA__ISSUER_SECRET"  # noqa: S105 - the name of a setting
PAYER_SECRET = "BOXOFFICE_SOLANA__PAYER_SECRET"  # noqa: S105 - the name of a setting
DELEGATE_SECRET = "BOXOFFICE_SOLANA__DELEGATE_SECRET"  # noqa: S105 - the name of a setting
# A folder or a chain that knows the issuer alone keeps it in every role.
ROLE_SECRETS = (PAYER_SECRET, DELEGATE_SECRET)
ADDRESS_SECRET = "BOXOFFICE_SOLANA__ADDRESS_SECRET"  # noqa: S105 - the name of a setting
PUBLISHABLE_KEY = "BOXOFFICE_STRIPE__PUBLISHABLE_KEY"
API_KEY = "BOXOFFICE_STRIPE__API_KEY"
WEBHOOK_SECRET = "BOXOFFICE_STRIPE__WEBHOOK_SECRET"  # noqa: S105 - the name of a setting
CONNECT_WEBHOOK_SECRET = "BOXOFFICE_STRIPE__CONNECT_WEBHOOK_SECRET"  # noqa: S105 - the name of a setting
DEPLOYMENT_SECRET = "BOXOFFICE_DEPLOYMENT__SECRET"  # noqa: S105 - the name of a setting
CODE_KEYS = "BOXOFFICE_DOOR__CODE_KEYS"
PRIVACY_KEYS = "BOXOFFICE_PRIVACY__KEYS"
LOOKUP_SECRET = "BOXOFFICE_PRIVACY__LOOKUP_SECRET"  # noqa: S105 - the name of a setting
INTERNAL_TOKEN = "BOXOFFICE_INTERNAL__TOKEN"  # noqa: S105 - the name of a setting
DEVELOPMENT_KEY = "BOXOFFICE_API__DEVELOPMENT_KEY"


class AlreadyRunningError(RuntimeError):
    """Another supervisor holds this data directory."""


def lock_folder(folder: Path) -> int:
    """Lock a data directory for the life of this process; raise `AlreadyRunningError` if it is locked."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise AlreadyRunningError(
            f"a stack is already running in {folder}; stop it, or choose another --data-dir"
        ) from None
    return descriptor


def write_json(path: Path, content: Mapping[str, Any], mode: int = 0o644, *, lasts: bool = False) -> None:
    """Write a JSON file atomically; `lasts` also through a power failure."""
    fresh = path.with_suffix(".json.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as out:
        json.dump(content, out, indent=2)
        out.write("\n")
        if lasts:
            out.flush()
            os.fsync(out.fileno())
    fresh.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object, or an empty one if the file does not exist."""
    if not path.exists():
        return {}
    content: dict[str, Any] = json.loads(path.read_text())
    return content


class StackSecrets:
    """The secrets of one data directory: generated at the first start, kept in `secrets.json` with mode 0600.

    `given` are the settings that this start was given; they are kept too, since only the supervisor's own environment
    has them otherwise, and whoever uses the stack needs the same.
    """

    def __init__(self, folder: Path, given: Mapping[str, str] | None = None) -> None:
        self._given = dict(given or {})
        self._path = folder / SECRETS_FILE
        kept = read_json(self._path)
        roles = () if kept.get("env") else ROLE_SECRETS
        self.env: dict[str, str] = {
            ISSUER_SECRET: secrets.token_hex(SEED_BYTES),
            ADDRESS_SECRET: secrets.token_hex(SEED_BYTES),
            DEPLOYMENT_SECRET: secrets.token_hex(SEED_BYTES),
            API_KEY: f"sk_test_{secrets.token_hex(16)}",
            INTERNAL_TOKEN: secrets.token_urlsafe(SEED_BYTES),
            DEVELOPMENT_KEY: f"bo_dev_{secrets.token_hex(4)}_{secrets.token_urlsafe(SEED_BYTES)}",
            PRIVACY_KEYS: f"dev:{base64.b64encode(secrets.token_bytes(SEED_BYTES)).decode()}",
            CODE_KEYS: f"dev:{base64.b64encode(secrets.token_bytes(SEED_BYTES)).decode()}",
            LOOKUP_SECRET: secrets.token_urlsafe(SEED_BYTES),
            **{name: secrets.token_hex(SEED_BYTES) for name in roles},
            **kept.get("env", {}),
        }
        self.webhook_endpoint_ids: dict[str, str] = kept.get("webhook_endpoint_ids", {})
        self.save()

    def save(self) -> None:
        """Write the secrets, and the development key alone beside them, readable by the owner only."""
        content = {"env": self.env, "given": self._given, "webhook_endpoint_ids": self.webhook_endpoint_ids}
        write_json(self._path, content, mode=0o600, lasts=True)
        descriptor = os.open(self._path.with_name(KEY_FILE), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(f"{self._given.get(DEVELOPMENT_KEY, self.env[DEVELOPMENT_KEY])}\n")
