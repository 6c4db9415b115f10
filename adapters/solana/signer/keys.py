"""The roles of our keys, their addresses, and the port of whatever signs with them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from solders.keypair import Keypair
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature

from adapters.solana.keys import seed_of

Role = Literal["payer", "issuer", "delegate", "custody"]
ROLES: tuple[Role, ...] = ("payer", "issuer", "delegate", "custody")


class KeyAddresses(NamedTuple):
    """The address of each role's key, and those of keys before a rotation, which the chain may still name.

    payer: pays rent and fees; issuer: has the authority over mints, metadata and groups, and is the base of their
    addresses; delegate: burns and moves tickets' tokens wherever they are; custody: owns tokens without a wallet, and
    signs nothing: its key is kept elsewhere.
    """

    payer: Pubkey
    issuer: Pubkey
    delegate: Pubkey
    custody: Pubkey
    retired: frozenset[Pubkey] = frozenset()

    @classmethod
    def of(cls, addresses: Mapping[Role, str], retired: Iterable[str] = ()) -> "KeyAddresses":
        """Return the addresses of these texts; a role that is not named has the issuer's key."""
        payer, issuer, delegate, custody = (
            Pubkey.from_string(addresses.get(role) or addresses["issuer"]) for role in ROLES
        )
        return cls(payer, issuer, delegate, custody, frozenset(map(Pubkey.from_string, retired)))

    def may_act_as(self, role: Role) -> frozenset[Pubkey]:
        """Return the keys that may act in a role: its own, and retired ones."""
        own: Pubkey = getattr(self, role)
        return self.retired | {own}

    def all(self) -> frozenset[Pubkey]:
        """Return every key of ours."""
        return self.retired | {self.payer, self.issuer, self.delegate, self.custody}


class Signer(Protocol):
    """Signs compiled messages: with keys in this process, or at a service that keeps them."""

    async def sign(self, message: MessageV0) -> Sequence[Signature]:
        """Return the signature of each required signer, in the order of the message.

        Raise `domain.core.transient.TransientError` when the service cannot be reached, SignerKeyMissingError for a
        signer without a key.
        """


class SignerKeyMissingError(RuntimeError):
    """A message needs the signature of an address whose key is not here."""


class LocalSigner:
    """Signs with keys of this process, from the environment or a file."""

    def __init__(self, keypairs: Iterable[Keypair]) -> None:
        self._keypairs = {keypair.pubkey(): keypair for keypair in keypairs}

    async def sign(self, message: MessageV0) -> Sequence[Signature]:
        """Return the signature of each required signer."""
        wanted = message.account_keys[: message.header.num_required_signatures]
        if missing := [str(key) for key in wanted if key not in self._keypairs]:
            raise SignerKeyMissingError(f"no key of {', '.join(missing)} is configured")
        body = to_bytes_versioned(message)
        return [self._keypairs[key].sign_message(body) for key in wanted]


def keypairs_of(seeds: Iterable[str]) -> list[Keypair]:
    """Return the keypair of each seed that is given."""
    return [Keypair.from_seed(seed_of(seed)) for seed in seeds if seed]


def addresses_of(
    seeds: Mapping[Role, str],
    given: Mapping[Role, str | None],
    retired_seeds: Iterable[str] = (),
    retired: Iterable[str] = (),
) -> KeyAddresses:
    """Return our addresses: as given, else that of the role's seed, else the issuer's."""
    found: dict[Role, str] = {role: str(keypairs_of([seed])[0].pubkey()) for role, seed in seeds.items() if seed}
    found |= {role: address for role, address in given.items() if address}
    return KeyAddresses.of(found, {*retired, *(str(keypair.pubkey()) for keypair in keypairs_of(retired_seeds))})
