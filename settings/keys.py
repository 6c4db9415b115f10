"""The signer of the settings: our keys in this process, behind their guard."""

import time

from adapters.solana.signer.guard import Alarm, GuardedSigner
from adapters.solana.signer.keys import LocalSigner, keypairs_of
from adapters.solana.signer.policy import SigningLimits
from settings.groups import SolanaSettings


def guard_of(solana: SolanaSettings, alarm: Alarm) -> GuardedSigner:
    """Return the guarded signer; an external signer takes the place of `LocalSigner` here."""
    signer = LocalSigner(keypairs_of([*solana.key_seeds.values(), *solana.retired_seeds]))
    limits = SigningLimits(solana.priority_fee_max, solana.signatures_per_minute)
    return GuardedSigner(solana.keys, signer, time.monotonic, limits, alarm)
