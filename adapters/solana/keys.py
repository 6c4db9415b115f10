"""Keys as settings write them: 32-byte seeds in hex or base58, and the keypair that comes of one."""

import hmac

import base58
from solders.keypair import Keypair

SEED_BYTES = 32
HEX_CHARS = 2 * SEED_BYTES


def seed_of(text: str) -> bytes:
    """Return a seed's 32 bytes."""
    seed = bytes.fromhex(text) if len(text) == HEX_CHARS else base58.b58decode(text)
    if len(seed) != SEED_BYTES:
        raise ValueError("a seed has 32 bytes, in hex or base58")
    return seed


def pseudonymize(secret: bytes, name: str) -> str:
    """Return what stands for a name: the same for the same name, and no use to whoever has not the secret."""
    return hmac.new(secret, f"buyer:{name}".encode(), "sha256").hexdigest()


def issuer_of(text: str) -> Keypair:
    """Return the keypair that mints and pays."""
    return Keypair.from_seed(seed_of(text))
