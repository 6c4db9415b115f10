"""Other people's libraries read venue, show and tickets from the chain and agree with our answers.

`@solana/web3.js` with `@solana/spl-token`, and `@solana/kit` with its client of Token-2022: each decodes the bytes of a
mint by itself, and reads what the node explains of it, as wallets do. They are installed from npm by their locked
versions where READERS is set; otherwise the test is skipped, loudly.
"""

import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from adapters.solana.chain import SolanaTokenChain
from tests.contract.chain_shop import ChainShop
from tests.contract.token_gift import burn, give
from tests.devstack.chain.dev_chain import DevChain, send

READERS = Path(__file__).with_name("readers")
SCHEMA = Path(__file__).parents[1] / "activities" / "tokens" / "metadata.schema.json"
CONVENTION = json.loads(SCHEMA.read_text())
SECONDS_MAX = 240
Reader = Callable[[dict[str, Any]], Any]
pytestmark = [
    pytest.mark.registries,
    pytest.mark.timeout(2 * SECONDS_MAX),
    pytest.mark.skipif("READERS" not in os.environ, reason="installs web3.js and kit from npm: run with READERS=1"),
]


@pytest.fixture(scope="module", params=["web3js", "kit"])
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Install one project into a folder of its own."""
    home = tmp_path_factory.mktemp("readers")
    shutil.copytree(READERS, home, dirs_exist_ok=True)
    project = home / request.param
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    install = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(install, cwd=project, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    if done.returncode:
        pytest.skip(f"{request.param} cannot be installed from npm: {done.stderr[-300:]}")

    def read(question: dict[str, Any]) -> Any:
        command = ["node", "read.js", json.dumps(question)]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return read


@pytest.fixture
async def shop(dev_chain: DevChain) -> AsyncIterator[ChainShop]:
    solana = SolanaTokenChain(dev_chain.url, bytes(Keypair()), b"a secret for tests", str(Keypair().pubkey()))
    dev_chain.fund(solana.payer_address)
    yield ChainShop(solana)
    await solana.close()


async def test_what_they_read_is_what_we_answer(shop: ChainShop, dev_chain: DevChain, reader: Reader) -> None:
    """Groups of venue and show; tickets that are held, in custody, given away, and burnt by their holder."""
    ann, bob = Keypair(), Keypair()
    dev_chain.fund(str(ann.pubkey()))
    await shop.open(capacity=10)
    held, given, burnt = await shop.buy("p-1", 3, wallet=str(ann.pubkey()))
    [kept] = await shop.buy("p-2", 1)
    mints = {one: (await shop.get(f"/api/v1/tickets/{one}"))["mint_address"] for one in (held, given, burnt, kept)}
    give(dev_chain, ann, bob.pubkey(), Pubkey.from_string(mints[given]))
    last = burn(dev_chain, ann, Pubkey.from_string(mints[burnt]))
    while await shop.solana.fate(str(last.signatures[0])) not in {"confirmed", "finalized"}:
        send(dev_chain, last)

    verified = {one: await shop.get(f"/api/v1/tickets/{one}/verify") for one in mints}
    venue = await shop.get(f"/api/v1/venues/{shop.venue_id}")
    show = await shop.get(f"/api/v1/shows/{shop.show_id}")
    wallets = {"ann": str(ann.pubkey()), "bob": str(bob.pubkey()), "custody": shop.solana.custody_owner}
    groups = [venue["mint_address"], show["mint_address"]]
    found = reader({
        "url": dev_chain.url,
        "mints": [*groups, *mints.values()],
        "wallets": list(wallets.values()),
        "signatures": [one["mint_signature"] for one in verified.values()],
    })  # fmt: skip

    assert found["decoded"] == found["explained"]
    for ticket in verified.values():
        token, read = ticket["token"], found["decoded"][ticket["mint_address"]]
        assert token["problems"] == []
        assert (read["supply"], read["decimals"]) == (token["supply"], token["decimals"])
        assert (read["group"], read["words"][2]) == (token["group_address"], token["uri"])
        assert read["words"][:2] == ["Opening Night", "TICKET"]
        assert (read["delegate"], read["authorities"]) == (shop.solana.payer_address, [None, None])
        document = await shop.get(f"/ipfs/{token['uri'].removeprefix('ipfs://')}")
        jsonschema.validate(document, CONVENTION)
        image = await shop.http.get(f"/ipfs/{document['image'].removeprefix('ipfs://')}")
        assert (image.headers["content-type"], document["symbol"]) == ("image/svg+xml", "TICKET")
        landed = found["landed"][ticket["mint_signature"]]
        wallet = wallets["custody" if ticket is verified[kept] else "ann"]
        assert landed == {"failed": False, "mint": ticket["mint_address"], "owner": wallet, "amount": "1"}
    holdings = {name: verified[one]["token_holding"] for name, one in zip("hgbk", mints, strict=True)}
    assert holdings == {"h": "held", "g": "held-elsewhere", "b": "burnt", "k": "held"}
    holders = {"ann": [mints[held]], "bob": [mints[given]], "custody": [mints[kept]]}
    assert found["held"] == {wallets[name]: holding for name, holding in holders.items()}
    of_venue, of_show = (found["decoded"][group] for group in groups)
    assert (of_venue["supply"], of_venue["group"], of_venue["sizes"][0]) == (0, None, 1)
    assert (of_show["supply"], of_show["group"], of_show["sizes"]) == (0, groups[0], [4, 10])
    assert (of_venue["words"][:2], of_show["words"][:2]) == (["The Blue Hall", "VENUE"], ["Opening Night", "SHOW"])
