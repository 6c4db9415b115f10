"""Watch the payer of tokens: figures for metrics, status and the door; one alarm when its money runs low."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from activities.sales.funds.sale import FiguresReader
from domain.tickets.funds import Funds
from domain.views.common import part_of
from domain.views.minting import MintingDocument, NodeLine, NodeState

log = logging.getLogger(__name__)


class State(Protocol):
    """The payer as read from the chain."""

    @property
    def lamports(self) -> int:
        """Its balance."""

    @property
    def ticket_lamports(self) -> int:
        """The cost of a ticket at most."""

    @property
    def nodes(self) -> Sequence[NodeState]:
        """The nodes that were asked."""


class Payer(Protocol):
    """The payer on chain."""

    address: str

    async def look(self) -> State:
        """Read its state."""


class Board(FiguresReader, Protocol):
    """Keeps the newest figures for all processes, and counts what is owed."""

    async def owed(self) -> int:
        """Return the number of sold tickets without a token."""

    async def save(self, document: MintingDocument) -> None:
        """Store the newest figures."""


class Gauges(Protocol):
    """Shows the figures to operators."""

    def set(self, document: MintingDocument) -> None:
        """Set the metrics."""


class PayerWatch:
    """Looks at the payer; below `low` lamports minting pauses by itself."""

    def __init__(self, payer: Payer, board: Board, gauges: Gauges, low: int, clock: Callable[[], datetime]) -> None:
        self._payer = payer
        self._board = board
        self._gauges = gauges
        self._low = low
        self._clock = clock

    async def look(self) -> MintingDocument:
        """Read, store and show the figures; raise an alarm when the money has run low since the last look."""
        state, owed, before = await self._payer.look(), await self._board.owed(), await self._board.load()
        funds, now = Funds(state.lamports, self._low, state.ticket_lamports, owed), self._clock().isoformat()
        low_since = before["low_since"] if before is not None else None
        if funds.is_low and low_since is None:
            low_since = now
            log.error(
                "ALARM: minting pauses: the payer %s has %d lamports, less than %d; %d sold tickets have no token",
                self._payer.address, funds.lamports, funds.low, owed,
            )  # fmt: skip
        if not funds.is_low and low_since is not None:
            log.warning("minting goes on: the payer %s has %d lamports", self._payer.address, funds.lamports)
            low_since = None
        document: MintingDocument = {
            "at": now,
            "payer": self._payer.address,
            "lamports": funds.lamports,
            "low_lamports": funds.low,
            "ticket_lamports": funds.ticket_lamports,
            "owed": owed,
            "runway": funds.runway,
            "low_since": low_since,
            "nodes": [part_of(node, NodeLine) for node in state.nodes],
        }
        await self._board.save(document)
        self._gauges.set(document)
        return document
