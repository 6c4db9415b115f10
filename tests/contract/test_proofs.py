"""Proofs of tickets, checked by the verifier of docs/minting.md: run from the page's own text, against a dev chain."""

import asyncio
import json
import random
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from solders.keypair import Keypair

from activities.tokens.trees.proof import proof_of
from adapters.solana.chain import SolanaTokenChain
from domain.core.transient import TransientError
from domain.tickets.ticket import Ticket, TicketReserved
from domain.tickets.ticket_tree import TicketTree, TreeOpened
from domain.tickets.token import SignedTransaction, TokenSpec
from domain.views.minting import LeafProof
from tests.contract.test_token_chain import ChainWorld
from tests.devstack.chain.dev_chain import DevChain
from tests.fakes.samples import AT

PAGE = Path(__file__).parents[2] / "docs" / "minting.md"
[VERIFIER] = re.findall(r"```python\n(# verify\.py.*?)```", PAGE.read_text(), re.DOTALL)
LARGE, PROVED = 50_000, 200
CID = "ipfs://bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
TICKET = TokenSpec(kind="ticket", subject_id="t", name="Opening Night", symbol="TICKET", uri=CID)


@pytest.fixture
def dev_chain(tmp_path: Path) -> Iterator[DevChain]:
    with DevChain(tmp_path / "chain.sqlite") as chain:
        yield chain


@pytest.fixture
async def chain(dev_chain: DevChain) -> AsyncIterator[SolanaTokenChain]:
    solana = SolanaTokenChain(dev_chain.url, bytes(Keypair()), b"secret", str(Keypair().pubkey()))
    dev_chain.fund(solana.payer_address)
    yield solana
    await solana.close()


class Sold:
    """A show on chain, its tree and its tickets."""

    def __init__(self, chain: SolanaTokenChain) -> None:
        self.world, self.chain = ChainWorld(chain, lambda: None, 0.02), chain
        self.tickets: list[Ticket] = []

    async def open(self) -> "Sold":
        venue = TokenSpec(kind="venue", subject_id="v", name="Hall", symbol="VENUE", uri="ipfs://venue", max_size=5)
        group = await self.world.make(venue)
        show = venue.model_copy(update={"kind": "show", "subject_id": "s", "symbol": "SHOW", "group_address": group})
        names = {"tenant_id": "default", "show_id": "sh", "show_mint": await self.world.make(show)}
        self.tree = TicketTree.begin(TreeOpened, "sh", AT, cluster=await self.chain.cluster(), **names)
        return self

    def sell(self, count: int) -> None:
        names = {"tenant_id": "default", "purchase_id": "pu", "show_id": "sh", "ticket_type_id": "tt"}
        for number in range(len(self.tickets), len(self.tickets) + count):
            ticket = Ticket.begin(TicketReserved, f"t{number}", AT, public_name=f"tk_{number}", **names)
            ticket.issue(AT)
            ticket.record_leaf(self.tree.append(ticket.identity, ticket.public_name, "bafycid", AT), AT)
            self.tickets.append(ticket)

    async def write(self) -> None:
        version, mint = self.tree.newest_version, self.tree.grounds.show_mint
        signed = await self.chain.sign_root(mint, self.tree.root_of(version))
        self.tree.sign_root(signed, version, self.tree.signed, AT)
        await self.chain.send(signed)
        await self.world.settle(signed)
        self.tree.write_root(signed.signature, AT)

    async def proof(self, number: int) -> LeafProof | None:
        root = await self.chain.root_at(self.tree.grounds.show_mint)
        return proof_of(self.tickets[number], self.tree, root)


def checked(proof: Any, url: str, folder: Path) -> str:
    """Run the verifier as its reader does, without anything of ours."""
    (folder / "verify.py").write_text(VERIFIER)
    (folder / "proof.json").write_text(json.dumps(proof))
    command = [sys.executable, "-I", "verify.py", "proof.json", url]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout.strip()


async def test_anybody_can_check_a_ticket(chain: SolanaTokenChain, dev_chain: DevChain, tmp_path: Path) -> None:
    """Every ticket is proved from the chain alone; with another name or place, or once it is refunded, it is not."""
    assert len(VERIFIER.splitlines()) <= 50
    sold = await Sold(chain).open()
    sold.sell(5)
    assert await sold.proof(0) is None
    await sold.write()
    for number in range(5):
        proof = await sold.proof(number)
        assert proof is not None
        assert checked(proof, dev_chain.url, tmp_path) == "proved"
        assert not {"t0", "pu", "default"} & set(map(str, proof.values()))
    assert proof is not None
    changes: list[dict[str, Any]] = [{"public_name": "tk_9"}, {"index": 3}, {"cid": "another"}, {"path": []}]
    for wrong in changes:
        assert checked({**proof, **wrong}, dev_chain.url, tmp_path) == "NOT proved"
    ticket = sold.tickets[4]
    ticket.give_back(AT, even_redeemed=False)
    sold.tree.nullify(4, ticket.identity, "refund", AT)
    await sold.write()
    assert await sold.proof(4) is None  # whatever the ticket says
    ticket.end_leaf("refund", AT)
    assert await sold.proof(4) is None
    assert checked(proof, dev_chain.url, tmp_path) == "NOT proved"
    assert checked(await sold.proof(0), dev_chain.url, tmp_path) == "proved"


@pytest.mark.nightly
async def test_a_large_show_is_one_tree(chain: SolanaTokenChain) -> None:
    """50,000 leaves, one root, and 200 of them at random proved by the page's verifier."""
    sold = await Sold(chain).open()
    await asyncio.to_thread(sold.sell, LARGE)  # the connections live meanwhile
    with suppress(TransientError):  # of the node, which closes a connection that idles
        await chain.root_at(sold.tree.grounds.show_mint)
    await sold.write()
    verifier: dict[str, Any] = {"__name__": "verify"}
    exec(compile(VERIFIER, "verify.py", "exec"), verifier)  # noqa: S102 - the page's own text
    root = await chain.root_at(sold.tree.grounds.show_mint)
    assert root is not None
    for number in random.Random(1).sample(range(LARGE), PROVED):  # noqa: S311 - a choice of samples
        proof = await sold.proof(number)
        assert verifier["is_proved"](proof, sold.tree.grounds.cluster, root.size, bytes.fromhex(root.root))


async def test_the_page_tells_what_each_way_costs(chain: SolanaTokenChain, dev_chain: DevChain) -> None:
    """The lamports in docs/minting.md are what the payer has less afterwards; rent and fees are mainnet's."""
    sold = await Sold(chain).open()
    payer, costs = chain.payer_address, list[int]()

    async def lamports() -> int:
        return int(dev_chain.result("getBalance", payer, {"commitment": "confirmed"})["value"])

    async def cost(deed: Awaitable[Any]) -> int:
        before = await lamports()
        await deed
        return before - await lamports()

    for _ in range(2):
        sold.sell(1)
        costs.append(await cost(sold.write()))
    ticket = TICKET.model_copy(update={"group_address": sold.tree.grounds.show_mint})
    signed = await chain.sign(ticket)
    costs.append(await cost(landed(sold, signed)))
    costs.append(await cost(landed(sold, await chain.sign_transfer(signed, str(Keypair().pubkey())))))
    table = re.findall(r"^\| lamports.*$", PAGE.read_text(), re.MULTILINE)
    assert [cost for cost in costs if f"{cost:,}" not in " ".join(table)] == [], costs


async def landed(sold: Sold, signed: SignedTransaction) -> None:
    await sold.chain.send(signed)
    await sold.world.settle(signed)
