"""See that a pooler between us and PostgreSQL gives each connection one server session for its life.

Advisory locks, prepared statements and the settings of a session are lost where another transaction may get another
session: two processes would change the schema at once, and statements would have no end.
"""

from contextlib import ExitStack

import psycopg

from adapters.postgres.connections import BACKGROUND, BoundedConnection, connect
from adapters.postgres.faults import ConfigurationError

OTHERS_MAX = 8
PID = "SELECT pg_backend_pid()"
REFUSAL = (
    "PostgreSQL: the pooler in BOXOFFICE_POSTGRES__URL gives each transaction another session, which loses locks,"
    " prepared statements and time limits: use `pool_mode = session`, or connect without it"
)


def check_sessions(url: str) -> None:
    """Raise ConfigurationError where a pooler in transaction or statement mode answers; OperationalError: no answer."""
    with connect(url, BACKGROUND) as connection:
        mine = _session_of(connection)
        if mine == connection.info.backend_pid:  # a pooler would have announced a number of its own
            return
        with ExitStack() as others:
            for _ in range(OTHERS_MAX):
                if _in_transaction(others.enter_context(connect(url, BACKGROUND))) == mine:
                    raise ConfigurationError(REFUSAL)
                if _session_of(connection) != mine:
                    raise ConfigurationError(REFUSAL)


def keeps_sessions(url: str) -> bool:
    """Whether no pooler in transaction or statement mode answers."""
    try:
        check_sessions(url)
    except ConfigurationError:
        return False
    return True


def _session_of(connection: BoundedConnection) -> int:
    return int(connection.execute(PID).fetchall()[0][0])


def _in_transaction(connection: BoundedConnection) -> int:
    """Return the session of a transaction that is left open: no other connection may get it meanwhile."""
    try:
        connection.execute("BEGIN")
        return _session_of(connection)
    except psycopg.DatabaseError as error:
        if "pooling mode" in str(error):  # "transaction blocks not allowed in statement pooling mode"
            raise ConfigurationError(REFUSAL) from error
        raise
