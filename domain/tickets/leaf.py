"""The leaf of a ticket that is sold without a token: its content, its place, and the root that proves it."""

import re
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from domain.core.ids import framed
from domain.tickets.merkle import leaf_hash

TAG = "boxoffice-ticket"
GENERATION = 1
NULLIFIED = bytes(32)  # in the place of a leaf that proves nothing any more
ROOT_KEY = "ticket_root"  # of the field in the metadata of the show's mint
ROOT_PATTERN = re.compile(r"(\d{10}):([0-9a-f]{64})")
LeafEnd = Literal["refund", "claim"]


class Leaf(BaseModel):
    """A ticket's leaf as its event stores it; `cid` names the ticket's metadata."""

    model_config = ConfigDict(frozen=True)

    index: int
    hash: str
    cid: str
    generation: int = GENERATION


class Grounds(NamedTuple):
    """What all leaves of a tree are bound to: the chain, by its genesis hash, and the show's mint."""

    cluster: str
    show_mint: str


class TreeRoot(NamedTuple):
    """The root of a show's tree with this many leaves."""

    size: int
    root: str

    def text(self) -> str:
        """Return the root as it stands on chain; always of the same length, so that a change costs no more rent."""
        return f"{self.size:010d}:{self.root}"

    @classmethod
    def read(cls, text: str) -> "TreeRoot | None":
        """Read the text on chain; None for any other text."""
        found = ROOT_PATTERN.fullmatch(text)
        return None if found is None else cls(int(found[1]), found[2])


def leaf_of(grounds: Grounds, index: int, public_name: str, cid: str, generation: int = GENERATION) -> Leaf:
    """Return the leaf of a ticket. Its content is the same for everybody who knows these parts; no id is among them."""
    content = framed(TAG, grounds.cluster, grounds.show_mint, str(index), public_name, cid, str(generation))
    return Leaf(index=index, hash=leaf_hash(content).hex(), cid=cid, generation=generation)
