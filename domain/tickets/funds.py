"""What the payer of tokens has, what a ticket costs it, and how many more can be paid for."""

from typing import NamedTuple


class Funds(NamedTuple):
    """The payer's lamports, the mark `low` below which minting pauses, and the sold tickets without a token: `owed`."""

    lamports: int
    low: int
    ticket_lamports: int
    owed: int

    @property
    def is_low(self) -> bool:
        """Whether minting pauses."""
        return self.lamports < self.low

    @property
    def runway(self) -> int:
        """Return the tickets that can be sold and still paid for; below zero the owed ones exceed the money."""
        return max(0, self.lamports - self.low) // self.ticket_lamports - self.owed
