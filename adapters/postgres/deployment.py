"""The deployment's row: an id made once per database, the fingerprint of its secret, the genesis of its chain."""

import hmac
import secrets
from typing import Any

import psycopg
from psycopg.sql import SQL

from adapters.postgres.connections import SCHEMA, connect
from domain.core.ids import DIGEST_BYTES, Deployment, Identity, in_letters
from domain.core.transient import TransientError

MAKE = SQL("INSERT INTO deployment (id, adopted) SELECT %s, EXISTS (SELECT FROM events) ON CONFLICT DO NOTHING")
PIN = "UPDATE deployment SET genesis = coalesce(genesis, %s) RETURNING genesis"
CLAIM = "UPDATE deployment SET fingerprint = coalesce(fingerprint, %s) RETURNING id, fingerprint"


class DeploymentError(RuntimeError):
    """A process must not work on this database as it is configured."""


def create_deployment(connection: psycopg.Connection[Any]) -> None:
    """Create the deployment's row, once; the caller holds the schema lock."""
    connection.execute(MAKE, (in_letters("dp", secrets.token_bytes(DIGEST_BYTES)),))


def read_deployment(url: str) -> Deployment:
    """Return the deployment of a database; raise DeploymentError without one, TransientError when it is away."""
    try:
        with connect(url, SCHEMA) as connection:
            return Deployment(*_one(connection.execute("SELECT id, adopted FROM deployment")))
    except psycopg.errors.UndefinedTable as error:
        raise DeploymentError("the database has no deployment yet; run `boxoffice migrate`") from error
    except psycopg.OperationalError as error:
        raise TransientError(f"PostgreSQL: {type(error).__name__}") from error


def open_identity(url: str, secret: bytes) -> Identity:
    """Return the deployment's identity; the first secret given to a database is its own from then on.

    Raise DeploymentError for any other secret: with it, repeated requests would not be recognised.
    """
    fingerprint = hmac.new(secret, b"fingerprint", "sha256").hexdigest()
    with connect(url, SCHEMA) as connection:
        deployment_id, known = _one(connection.execute(CLAIM, (fingerprint,)))
    if not hmac.compare_digest(known, fingerprint):
        raise DeploymentError(
            f"BOXOFFICE_DEPLOYMENT__SECRET is not the secret of deployment {deployment_id}, which owns this database;"
            " set the secret that it was first started with"
        )
    return Identity(deployment_id, secret)


def pin_chain(url: str, genesis: str) -> str:
    """Pin the genesis hash of the chain that the deployment's tokens are on; return the one that is pinned.

    The first one given to a database is its own from then on. Raise TransientError when the database is away.
    """
    try:
        with connect(url, SCHEMA) as connection:
            return str(_one(connection.execute(PIN, (genesis,)))[0])
    except psycopg.OperationalError as error:
        raise TransientError(f"PostgreSQL: {type(error).__name__}") from error


def _one(cursor: psycopg.Cursor[Any]) -> Any:
    row = cursor.fetchone()
    if row is None:
        raise DeploymentError("the table deployment is empty; run `boxoffice migrate`")
    return row
