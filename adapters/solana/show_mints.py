"""What changes in a show's mint after it is made: the size limit of its group, and the root of its tickets."""

from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from adapters.runtime.request_coalescing import BatchLoader
from adapters.solana.instructions import resize_group, write_field
from adapters.solana.mint_layout import Mint, field_bytes, mint_of
from adapters.solana.rpc.client import ACCOUNTS_MAX, NodeClient
from adapters.solana.signer.signing import SimulationError, TransactionSigner
from domain.core.transient import TransientError
from domain.tickets.leaf import ROOT_KEY, TreeRoot
from domain.tickets.token import SignedTransaction


class GroupResizer:
    """Reads and changes the size limit of groups, over which the issuer has the authority."""

    def __init__(self, client: NodeClient, signer: TransactionSigner) -> None:
        self._client = client
        self._signer = signer

    async def sizes_of(self, address: str) -> tuple[int, int] | None:
        """Return a group's number of members and its limit; None when there is no group."""
        mint = await self._client.read_mint(address)
        members, size_max = (None, None) if mint is None else mint.group_sizes()
        return None if members is None or size_max is None else (members, size_max)

    async def sign(self, address: str, size_max: int) -> SignedTransaction:
        """Sign the change of a group's limit; raise TransientError when the node would refuse it.

        It does when members were added since the size was read.
        """
        authority = await self._signer.authorities.over_group(address)
        instruction = resize_group(Pubkey.from_string(address), authority, size_max)
        signed, result = await self._signer.sign_and_simulate(address, instruction)
        if result.err is not None:
            raise TransientError(f"the group {address} cannot be resized to {size_max} now: {result.err}")
        return signed


class RootReader:
    """Reads the roots of tickets in the mints of shows, finalized."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client
        self._roots = BatchLoader(self._load, ACCOUNTS_MAX, in_flight=1)

    async def root_at(self, show_mint: str, since: int = 0) -> TreeRoot | None:
        """Return the root in a show's mint at a slot or later; None when there is none."""
        return await self._roots.load((show_mint, since))

    async def _load(self, asked: list[tuple[str, int]]) -> list[TreeRoot | None]:
        addresses = [Pubkey.from_string(address) for address, _ in asked]
        accounts = await self._client.finalized_accounts(addresses, max(since for _, since in asked))
        return [root_in(mint_of(account)) for account in accounts]


class RootWriter:
    """Signs roots into the mints of shows, over whose metadata the issuer has the authority."""

    def __init__(self, client: NodeClient, signer: TransactionSigner) -> None:
        self._client = client
        self._signer = signer

    async def sign(self, show_mint: str, root: TreeRoot) -> SignedTransaction:
        """Sign the transaction that writes a root; the first one also pays the rent of its place.

        Raise TransientError when the payer lacks lamports, SimulationError for any other refusal.
        """
        mint = Pubkey.from_string(show_mint)
        account = (await self._client.get_account_info(mint)).value
        known = mint_of(account)
        if account is None or known is None:
            raise TransientError(f"the show's mint {show_mint} is not visible on chain now")
        grown = 0 if ROOT_KEY in known.fields() else field_bytes(ROOT_KEY, root.text())
        rent = (await self._client.get_minimum_balance_for_rent_exemption(len(account.data) + grown)).value
        missing, payer = max(0, rent - account.lamports), self._signer.keys.payer
        authority = await self._signer.authorities.over_metadata(show_mint)
        instructions = [write_field(mint, authority, ROOT_KEY, root.text())]
        if missing:
            instructions.insert(0, transfer(TransferParams(from_pubkey=payer, to_pubkey=mint, lamports=missing)))
        signed, result = await self._signer.sign_and_simulate(show_mint, *instructions)
        if result.err is not None:
            balance = (await self._client.get_balance(payer)).value
            if balance <= missing:
                raise TransientError(f"the payer {payer} has {balance} lamports, a root needs {missing} and its fee")
            raise SimulationError(result.err, result.logs)
        return signed


def root_in(mint: Mint | None) -> TreeRoot | None:
    """Return the root in a decoded mint; None when there is none."""
    return None if mint is None else TreeRoot.read(mint.fields().get(ROOT_KEY, ""))
