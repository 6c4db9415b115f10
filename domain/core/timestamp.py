"""Timestamps of documents: ISO 8601 text with a UTC offset."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


def iso(at: datetime | None) -> str | None:
    """Return a timestamp as text; None stays None."""
    return None if at is None else at.isoformat()
