"""Keys: seeds from settings (32 bytes in hex or base58), and wallets: addresses that somebody can sign for."""

import base58
from solders.account import Account
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import ID as SYSTEM_PROGRAM

from adapters.solana.instructions import ASSOCIATED_TOKEN, TOKEN_2022
from domain.core.errors import InvalidWallet

SEED_BYTES = 32
HEX_CHARS = 2 * SEED_BYTES
TOKEN = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_PROGRAMS = frozenset({TOKEN, TOKEN_2022})
SYSVARS = Pubkey.from_string("Sysvar1111111111111111111111111111111111111")
# Programs and reserved addresses that every cluster has; those with "1111" in the name are no keys of anybody.
RESERVED = frozenset({
    SYSTEM_PROGRAM, TOKEN, TOKEN_2022, ASSOCIATED_TOKEN, SYSVARS,
    *map(Pubkey.from_string, (
        "AddressLookupTab1e1111111111111111111111111",
        "BPFLoader1111111111111111111111111111111111",
        "BPFLoader2111111111111111111111111111111111",
        "BPFLoaderUpgradeab1e11111111111111111111111",
        "ComputeBudget111111111111111111111111111111",
        "Config1111111111111111111111111111111111111",
        "Ed25519SigVerify111111111111111111111111111",
        "Feature111111111111111111111111111111111111",
        "KeccakSecp256k11111111111111111111111111111",
        "LoaderV411111111111111111111111111111111111",
        "Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo",
        "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr",
        "NativeLoader1111111111111111111111111111111",
        "Secp256r1SigVerify1111111111111111111111111",
        "So11111111111111111111111111111111111111112",
        "Stake11111111111111111111111111111111111111",
        "StakeConfig11111111111111111111111111111111",
        "SysvarC1ock11111111111111111111111111111111",
        "SysvarEpochRewards1111111111111111111111111",
        "SysvarEpochSchedu1e111111111111111111111111",
        "SysvarFees111111111111111111111111111111111",
        "SysvarLastRestartS1ot1111111111111111111111",
        "SysvarRecentB1ockHashes11111111111111111111",
        "SysvarRent111111111111111111111111111111111",
        "SysvarRewards111111111111111111111111111111",
        "SysvarS1otHashes111111111111111111111111111",
        "SysvarS1otHistory11111111111111111111111111",
        "SysvarStakeHistory1111111111111111111111111",
        "Vote111111111111111111111111111111111111111",
        "ZkE1Gama1Proof11111111111111111111111111111",
        "ZkTokenProof1111111111111111111111111111111",
        "metaqbxxUerdq28cj1RbAWkYQm3ybzjb6a8bt518x1s",
        "1nc1nerator11111111111111111111111111111111",
    )),
})  # fmt: skip
_P = 2**255 - 19
_Y_MASK = 2**255 - 1
_Y_OF_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
# The points of order 1, 2, 4 and 8: a private key of theirs is known to everybody, or to nobody.
LOW_ORDER_Y = frozenset({0, 1, _P - 1, _Y_OF_ORDER_8, _P - _Y_OF_ORDER_8})


def seed_of(text: str) -> bytes:
    """Parse a seed; return its 32 bytes."""
    seed = bytes.fromhex(text) if len(text) == HEX_CHARS else base58.b58decode(text)
    if len(seed) != SEED_BYTES:
        raise ValueError("a seed must have 32 bytes, in hex or base58")
    return seed


def issuer_of(text: str) -> Keypair:
    """Return the issuer's keypair, which mints and pays."""
    return Keypair.from_seed(seed_of(text))


def is_low_order(address: Pubkey) -> bool:
    """Say whether an address is a point of low order, in any of its encodings."""
    return (int.from_bytes(bytes(address), "little") & _Y_MASK) % _P in LOW_ORDER_Y


def parse_wallet(text: str, *, vault: bool) -> Pubkey:
    """Parse an address that somebody may sign for; raise InvalidWallet, with the reason, for any other.

    Off the curve no key can sign: only a program, for one of its vaults; that is refused without `vault`.
    """
    try:
        address = Pubkey.from_string(text)
    except ValueError:
        raise _refused("not-an-address", "is not a Solana address: 32 bytes in base58") from None
    if address in RESERVED:
        raise _refused("program", "is a program or a reserved address")
    if is_low_order(address):
        raise _refused("low-order", "is a point of low order, which is nobody's key")
    if not vault and not address.is_on_curve():
        raise _refused("off-curve", "is not on the curve: no key can sign for it; only a purchase can name a vault")
    return address


def has_signed(wallet: str, message: bytes, signature: str) -> bool:
    """Say whether a wallet's key has made a signature (base58) over a message."""
    try:
        return Signature.from_string(signature).verify(parse_wallet(wallet, vault=False), message)
    except ValueError:
        return False


def check_account(address: Pubkey, account: Account | None) -> None:
    """Raise InvalidWallet when the account at an address shows that it is nobody's; no account is a fresh wallet."""
    if account is None:
        return
    if account.executable:
        raise _refused("program", "is a program")
    if account.owner in TOKEN_PROGRAMS:
        raise _refused("token-account", "is a mint or a token account; send the wallet that owns it")
    if account.owner == SYSVARS:
        raise _refused("program", "is an account of the cluster")
    is_plain = account.owner == SYSTEM_PROGRAM and not account.data
    if address.is_on_curve() and not is_plain:
        raise _refused("owned", f"is an account of the program {account.owner}")


def _refused(reason: str, why: str) -> InvalidWallet:
    return InvalidWallet(f"the wallet {why}", reason=reason)
