"""The guard in front of the signer: an allow list, a budget a minute, and an alarm for everything else."""

import logging
import sys
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta

from solders.keypair import Keypair
from solders.message import MessageV0
from solders.transaction import VersionedTransaction

from adapters.solana.signer.keys import KeyAddresses, LocalSigner, Role, Signer
from adapters.solana.signer.policy import SigningLimits, SigningRefusedError, check_message
from domain.core.transient import TransientError

log = logging.getLogger("signer")
MINUTE = 60.0
UNLIMITED = SigningLimits(per_minute=sys.maxsize)
REASON_BUDGET, REASON_POLICY, REASON_SIGNER = "budget", "policy", "signer"

Alarm = Callable[[str], None]
"""Is told the reason of each refusal: `budget`, `policy` or `signer`."""


class GuardedSigner:
    """The only way to a signature of ours; every refusal is an alarm."""

    def __init__(
        self,
        keys: KeyAddresses,
        signer: Signer,
        now: Callable[[], float],
        limits: SigningLimits,
        alarm: Alarm = lambda _: None,
    ) -> None:
        self.keys = keys
        self._signer = signer
        self._now = now
        self._limits = limits
        self._alarm = alarm
        self._signed_at: deque[float] = deque()
        self._quiet_until = -MINUTE

    async def sign(self, message: MessageV0) -> VersionedTransaction:
        """Sign a message that is on the allow list.

        Raise SigningRefusedError for any other; TransientError when the minute's budget is spent.
        """
        try:
            check_message(message, self.keys, self._limits)
        except SigningRefusedError as refused:
            self._refuse(REASON_POLICY, str(refused))
            raise
        self._spend()
        signatures = list(await self._signer.sign(message))
        transaction = VersionedTransaction.populate(message, signatures)
        is_whole = len(signatures) == message.header.num_required_signatures
        if not is_whole or not all(transaction.verify_with_results()):
            self._refuse(REASON_SIGNER, "the signer's answer has a missing or a wrong signature")
            raise SigningRefusedError("the signer's answer has a missing or a wrong signature")
        return transaction

    def _spend(self) -> None:
        now = self._now()
        while self._signed_at and self._signed_at[0] <= now - MINUTE:
            self._signed_at.popleft()
        if len(self._signed_at) >= self._limits.per_minute:
            if now >= self._quiet_until:  # one alarm for all that wait
                self._quiet_until = now + MINUTE
                self._refuse(REASON_BUDGET, f"{self._limits.per_minute} transactions were signed within a minute")
            pause = timedelta(seconds=self._signed_at[0] + MINUTE - now)
            raise TransientError(f"the budget of {self._limits.per_minute} signatures a minute is spent", pause=pause)
        self._signed_at.append(now)

    def _refuse(self, reason: str, text: str) -> None:
        log.error("ALARM: nothing was signed (%s): %s", reason, text)
        self._alarm(reason)


def one_key(keypair: bytes, custody_owner: str | None = None) -> GuardedSigner:
    """Return a signer with one key of every role and no budget, for tests and measurements."""
    only = Keypair.from_bytes(keypair)
    addresses: dict[Role, str] = {"issuer": str(only.pubkey()), "custody": custody_owner or str(only.pubkey())}
    return GuardedSigner(KeyAddresses.of(addresses), LocalSigner([only]), time.monotonic, UNLIMITED)
