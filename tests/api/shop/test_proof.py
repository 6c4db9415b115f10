"""A proof in words: what the chain has just said about a ticket."""

from typing import Any

import pytest

from api.shop.progress import proof_sentence

LEAF = {"on_chain": True, "ended_by": None, "root_signature": "s", "proof": {"index": 0}}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"on_chain": True, "token_holding": "held"}, "made for this ticket."),
        ({"on_chain": True, "token_holding": "held-elsewhere"}, "Another wallet"),
        ({"on_chain": False, "token_holding": "burnt"}, "destroyed"),
        ({"leaf": LEAF}, "in the list"),
        ({"leaf": {**LEAF, "on_chain": False, "proof": None}}, "on its way"),
        ({}, "on its way"),
    ],
)
def test_the_sentence_says_what_the_chain_has(fields: dict[str, Any], words: str) -> None:
    """A token, a leaf of the show's list, or neither yet."""
    ticket: Any = {"on_chain": False, "token_holding": None, "leaf": None, **fields}
    assert words in proof_sentence(ticket)
