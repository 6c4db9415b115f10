"""Tell a wrong configuration of the database from an outage: it does not pass by itself."""

import re

import psycopg
from psycopg import errors


class ConfigurationError(RuntimeError):
    """A setting, a role or the schema is wrong; the text says what to do. Never retried."""


URL = "BOXOFFICE_POSTGRES__URL"
MIGRATE = "run `boxoffice migrate` with a role that owns the tables"
# What the server or libpq says of an attempt to connect, which has no code.
AT_CONNECTING = (
    (r"database .* does not exist", f"create it, or correct {URL}"),
    (r"role .* does not exist", f"create it, or correct the user in {URL}"),
    (r"password authentication failed|no password supplied", f"correct user and password in {URL}"),
    (r"no pg_hba.conf entry|permission denied for database", f"let the user of {URL} connect from this host"),
    (r"certificate|SSL error|server does not support SSL|sslmode", f"correct sslmode and certificates in {URL}"),
    (r"unsupported startup parameter", "let pgbouncer ignore it: `ignore_startup_parameters = options`"),
    (r"could not translate host name|invalid (port|connection option)|missing \"=\"", f"correct {URL}"),
)
AT_WORK: tuple[tuple[type[psycopg.Error], str], ...] = (
    (errors.InsufficientPrivilege, f"grant it to the user of {URL}, or {MIGRATE}"),
    (errors.UndefinedTable, MIGRATE),
    (errors.UndefinedColumn, MIGRATE),
    (errors.UndefinedFunction, MIGRATE),
    (errors.InvalidSchemaName, f"correct search_path in {URL}, or {MIGRATE}"),
    (errors.InvalidCatalogName, f"create the database, or correct {URL}"),
    (errors.InvalidPassword, f"correct user and password in {URL}"),
    (errors.InvalidAuthorizationSpecification, f"correct the user in {URL}"),
)


def fault_of(error: BaseException) -> ConfigurationError | None:
    """Return the wrong configuration that an error or its cause tells of, with what to do; None for an outage."""
    if not isinstance(error, psycopg.Error) and error.__cause__ is not None:
        return fault_of(error.__cause__)
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    for kind, remedy in AT_WORK:
        if isinstance(error, kind):
            return ConfigurationError(f"PostgreSQL: {text}: {remedy}")
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        for pattern, remedy in AT_CONNECTING:
            if re.search(pattern, str(error)):
                return ConfigurationError(f"PostgreSQL: {text}: {remedy}")
    return None
