"""A token chain on a dev chain with a key of each role, and its keys rotated."""

import itertools
import time
from dataclasses import dataclass, field, replace

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from activities.tokens.submit import land
from adapters.solana.chain import SolanaTokenChain
from adapters.solana.signer.guard import UNLIMITED, GuardedSigner
from adapters.solana.signer.keys import ROLES, KeyAddresses, LocalSigner, Role
from domain.tickets.token import SignedTransaction, TokenSpec
from tests.devstack.chain.dev_chain import DevChain

WORDS = {"name": "Evening Show", "symbol": "SHOW", "uri": f"ipfs://{'b' * 59}"}
SECRET = b"a secret for tests"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Keys:
    """A keypair of each role, and retired ones."""

    payer: Keypair = field(default_factory=Keypair)
    issuer: Keypair = field(default_factory=Keypair)
    delegate: Keypair = field(default_factory=Keypair)
    custody: Keypair = field(default_factory=Keypair)
    retired: tuple[Keypair, ...] = ()

    def rotated(self, role: Role) -> "Keys":
        """Return the keys with another one in a role; the one before is retired."""
        keypairs = {one: Keypair() if one == role else getattr(self, one) for one in ROLES}
        return Keys(**keypairs, retired=(*self.retired, getattr(self, role)))

    def settled(self) -> "Keys":
        """Return the keys without the retired ones."""
        return replace(self, retired=())

    def addresses(self) -> KeyAddresses:
        four = (self.payer, self.issuer, self.delegate, self.custody)
        payer, issuer, delegate, custody = (one.pubkey() for one in four)
        return KeyAddresses(payer, issuer, delegate, custody, frozenset(one.pubkey() for one in self.retired))

    def guard(self) -> GuardedSigner:
        every = (self.payer, self.issuer, self.delegate, self.custody, *self.retired)
        return GuardedSigner(self.addresses(), LocalSigner(every), time.monotonic, UNLIMITED)

    def chain(self, node: DevChain) -> SolanaTokenChain:
        return SolanaTokenChain(node.url, self.guard(), SECRET)


def venue() -> TokenSpec:
    return TokenSpec(kind="venue", subject_id=f"v{next(_numbers)}", max_size=50, **WORDS)


def show(of: str, capacity: int = 50) -> TokenSpec:
    return TokenSpec(kind="show", subject_id=f"s{next(_numbers)}", max_size=capacity, group_address=of, **WORDS)


def ticket(of: str, owner: Pubkey | None = None) -> TokenSpec:
    holder = None if owner is None else str(owner)
    return TokenSpec(kind="ticket", subject_id=f"t{next(_numbers)}", group_address=of, owner_address=holder, **WORDS)


async def mint(chain: SolanaTokenChain, spec: TokenSpec) -> SignedTransaction:
    """Mint a token until it is final."""
    signed = await chain.sign(spec)
    assert await land(chain, signed)
    return signed


async def on_sale(chain: SolanaTokenChain) -> str:
    """Mint a venue and a show; return the show's address."""
    made = await mint(chain, venue())
    return (await mint(chain, show(made.mint_address))).mint_address
