"""One line of an order: a quantity of tickets of one type."""

from pydantic import BaseModel, ConfigDict, Field

QUANTITY_MAX = 50


class Line(BaseModel):
    """A quantity of tickets of one type."""

    model_config = ConfigDict(frozen=True)

    ticket_type_id: str
    quantity: int = Field(ge=1, le=QUANTITY_MAX)
