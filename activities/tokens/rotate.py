"""Hand the authorities of retired keys to their successors, until the chain names no retired key any more."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Generic, NamedTuple, Protocol, TypeVar

from activities.core.loops import each_alone, each_subject, first_of
from activities.core.ports import TransactionSender
from activities.tokens.submit import land
from domain.core.transient import TransientError
from domain.tickets.token import SignedTransaction

M = TypeVar("M", bound=Sequence[str])
BATCH = 64  # authorities whose transactions are in flight together
FINAL_POLL_SECONDS = 1.0
FINAL_POLLS_MAX = 60


class RotatingChain(TransactionSender, Protocol[M]):
    """Solana, as a rotation needs it: `M` is one authority over one mint, whose address it begins with."""

    async def retired_authorities(self, addresses: Sequence[str], *, final: bool) -> tuple[list[M], list[str]]:
        """Return what retired keys still have over these mints, and the addresses without a mint.

        Finalized, or as it is now, with what was sent a moment ago.
        """

    async def sign_hand_over(self, moves: Sequence[M]) -> tuple[SignedTransaction, int]:
        """Sign as many of the first hand-overs as fit one transaction; return their number. Send nothing."""


class Rotated(NamedTuple):
    """The authorities handed over, those left with retired keys, and the signed addresses without a mint."""

    handed_over: int
    left: int
    absent: int


class ChainKeyRotation(Generic[M]):
    """Hands over what retired keys have; `tell` is told how much is left."""

    def __init__(self, chain: RotatingChain[M], tell: Callable[[int], None]) -> None:
        self._chain = chain
        self._tell = tell

    async def rotate(self, addresses: Sequence[str], *, dry_run: bool = False) -> Rotated:
        """Hand over everything over these mints, in their order.

        What is left is read from the chain again after each pass: a rotation may be interrupted and run again. It ends
        when nothing is left, or when a pass has changed nothing; a mint that fails stops no other. Raise TransientError
        when that pass met nothing but outages.
        """
        moves, absent = await self._chain.retired_authorities(addresses, final=dry_run)
        first, is_alone = len(moves), False
        while moves and not dry_run:
            before = len(moves)
            outage: TransientError | None = None
            try:
                await each_alone(self.hand_over, _by_mint(moves) if is_alone else _batches(moves))
            except TransientError as error:  # or what was sent before has landed since they were read
                outage = error
            moves, absent = await self._chain.retired_authorities(addresses, final=False)
            self._tell(len(moves))
            if is_alone and len(moves) >= before:
                if outage is not None:
                    raise outage
                break
            is_alone = True
        if not dry_run:
            moves, absent = await self._settled(addresses, len(moves))
        return Rotated(max(0, first - len(moves)), len(moves), len(absent))

    @each_subject("rotate_keys", identity=lambda moves: first_of(moves[0]))
    async def hand_over(self, moves: Sequence[M]) -> None:
        """Hand over a few authorities: sign and send all, then wait until all are final."""
        at, sent = 0, list[SignedTransaction]()
        while at < len(moves):
            signed, count = await self._chain.sign_hand_over(moves[at:])
            await self._chain.send(signed)
            sent.append(signed)
            at += count
        while sent:
            await land(self._chain, sent.pop())

    async def _settled(self, addresses: Sequence[str], now: int) -> tuple[list[M], list[str]]:
        """Return what is left when it is final; an earlier run may have sent bytes that are not."""
        polls = 0
        while True:
            moves, absent = await self._chain.retired_authorities(addresses, final=True)
            polls += 1
            if len(moves) <= now or polls >= FINAL_POLLS_MAX:
                return moves, absent
            await asyncio.sleep(FINAL_POLL_SECONDS)


def _batches(moves: Sequence[M]) -> list[Sequence[M]]:
    return [moves[at : at + BATCH] for at in range(0, len(moves), BATCH)]


def _by_mint(moves: Sequence[M]) -> list[Sequence[M]]:
    """Return the moves of each mint, so that one which fails stops no other."""
    return [list(of_mint) for _, of_mint in groupby(moves, key=lambda move: move[0])]
