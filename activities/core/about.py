"""The purchase, show and venue that a workflow belongs to."""

from typing import NamedTuple


class About(NamedTuple):
    """The purchase, show and venue that a workflow belongs to, and its amount; empty where there is none."""

    purchase_id: str = ""
    show_id: str = ""
    venue_id: str = ""
    show_name: str = ""
    amount_minor: int | None = None
    currency: str = ""
