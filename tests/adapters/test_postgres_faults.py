"""A wrong configuration of the database is told from an outage, with what to do."""

import psycopg
import pytest
from eventsourcing.persistence import PersistenceError

from adapters.postgres.faults import fault_of


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (psycopg.OperationalError('FATAL: password authentication failed for user "x"'), "correct user and password"),
        (psycopg.OperationalError("SSL error: certificate verify failed"), "correct sslmode and certificates"),
        (psycopg.OperationalError('FATAL: database "x" does not exist'), "create it, or correct"),
        (psycopg.OperationalError("FATAL: unsupported startup parameter: options"), "ignore_startup_parameters"),
        (psycopg.errors.InsufficientPrivilege("permission denied for table events"), "boxoffice migrate"),
        (psycopg.errors.UndefinedTable('relation "events" does not exist'), "boxoffice migrate"),
    ],
)
def test_a_wrong_configuration_has_a_way_out(error: psycopg.Error, told: str) -> None:
    """Also where the event store's library has wrapped it."""
    wrapped = PersistenceError("wrapped")
    wrapped.__cause__ = error
    for one in (error, wrapped):
        assert told in str(fault_of(one))


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("connection refused"),
        psycopg.errors.AdminShutdown("terminating connection"),
        PersistenceError("couldn't get a connection"),
    ],
)
def test_an_outage_passes_by_itself(error: Exception) -> None:
    """It is waited for."""
    assert fault_of(error) is None
