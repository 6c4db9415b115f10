"""Timestamps as they leave the domain in documents: ISO 8601 text with an offset."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


def iso(at: datetime | None) -> str | None:
    """Return a moment as text; null stays null."""
    return None if at is None else at.isoformat()
