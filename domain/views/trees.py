"""The view of a show's tree: how far its changes have come to the chain."""

from typing_extensions import TypedDict

from domain.core.timestamp import Timestamp


class TreeDocument(TypedDict):
    """The tree of a show that mints on claim; `waiting_since` is the time of its oldest change that is not on chain."""

    tenant_id: str
    show_id: str
    show_mint: str
    changes: int
    changes_on_chain: int
    leaves_on_chain: int
    leaves_settled: int
    waiting_since: Timestamp | None
