"""The migrations of the database: raw SQL in numbered steps, run by alembic; `boxoffice migrate` runs them.

A step only adds, so that processes of the build before go on with it: tables, columns with a default, functions, and
indexes made concurrently. There is no way down.
"""

import logging
from pathlib import Path
from typing import NamedTuple

import psycopg

from adapters.postgres.connections import SCHEMA, connect

FOLDER = Path(__file__).parent / "migrations"
STEPS = "v[0-9][0-9][0-9][0-9]_*.py"
VERSION = "SELECT version_num FROM alembic_version"


class SchemaState(NamedTuple):
    """The newest step that a database has (None: no step), and the newest one that this build knows."""

    at: str | None
    head: str

    @property
    def is_current(self) -> bool:
        """Whether this build can work on it; a newer build's steps only add."""
        return self.at is not None and self.at >= self.head

    @property
    def is_ahead(self) -> bool:
        """Whether a newer build has migrated it."""
        return self.at is not None and self.at > self.head

    def __str__(self) -> str:
        behind = "" if self.is_current else ": run `boxoffice migrate`"
        ahead = ": a newer build migrated it, and this one works on it" if self.is_ahead else ""
        return f"the database is at step {self.at or 'none'}; this build needs step {self.head}{behind or ahead}"


def head() -> str:
    """Return the number of the newest step of this build, which its file's name begins with."""
    return max(path.name[1:5] for path in (FOLDER / "versions").glob(STEPS))


def schema_state(url: str) -> SchemaState:
    """Read which steps a database has."""
    with connect(url, SCHEMA) as connection:
        try:
            rows = connection.execute(VERSION).fetchall()
        except psycopg.errors.UndefinedTable:
            rows = []
    return SchemaState(rows[0][0] if rows else None, head())


def run_steps(url: str) -> None:
    """Run the steps that a database lacks; the caller holds the schema lock. Raise psycopg's errors.

    Alembic is imported here: each process would take a fifth of a second for it, and hardly one has a step to run; of
    those that start together on an older database one has.
    """
    if schema_state(url).is_current:
        return
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import NullPool, create_engine
    from sqlalchemy.exc import DBAPIError

    def connected() -> psycopg.Connection[tuple[object, ...]]:
        connection = connect(url, SCHEMA)
        connection.autocommit = False
        return connection

    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    engine = create_engine("postgresql+psycopg://", creator=connected, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise (error.orig or error) from None
