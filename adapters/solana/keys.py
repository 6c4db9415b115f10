"""Parse keys from settings (32-byte seeds in hex or base58); derive keypairs."""

import base58
from solders.keypair import Keypair

SEED_BYTES = 32
HEX_CHARS = 2 * SEED_BYTES


def seed_of(text: str) -> bytes:
    """Parse a seed; return its 32 bytes."""
    seed = bytes.fromhex(text) if len(text) == HEX_CHARS else base58.b58decode(text)
    if len(seed) != SEED_BYTES:
        raise ValueError("a seed must have 32 bytes, in hex or base58")
    return seed


def issuer_of(text: str) -> Keypair:
    """Return the issuer's keypair, which mints and pays."""
    return Keypair.from_seed(seed_of(text))
