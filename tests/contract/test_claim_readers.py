"""Other people's libraries read tokens and leaves before and after their claims, and tell a soulbound one."""

from typing import Any

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from tests.contract.chain_shop import ChainShop
from tests.contract.test_chain_readers import Reader, pytestmark, reader, shop
from tests.contract.token_gift import give
from tests.devstack.chain.dev_chain import DevChain

__all__ = ["pytestmark", "reader", "shop"]


async def read(shop: ChainShop, dev_chain: DevChain, reader: Reader, mints: list[str], wallets: list[str]) -> Any:
    return reader({"url": dev_chain.url, "mints": mints, "wallets": wallets, "signatures": []})


@pytest.mark.parametrize("transfer", ["free", "soulbound"])
async def test_they_see_a_claimed_token_where_we_do(
    shop: ChainShop, dev_chain: DevChain, reader: Reader, transfer: str
) -> None:
    """In custody or nowhere before the claim, in its wallet after it; a free one where its holder moves it."""
    ann, bob = Keypair(), Keypair()
    dev_chain.fund(str(ann.pubkey()))
    await shop.open(capacity=2, transfer=transfer)
    [ticket_id] = await shop.buy("p-1", 1)
    wallets = [str(ann.pubkey()), str(bob.pubkey()), shop.solana.custody_owner]
    is_free = transfer == "free"
    before = (await shop.get(f"/api/v1/tickets/{ticket_id}"))["mint_address"]
    assert (before is not None) == is_free
    held = (await read(shop, dev_chain, reader, [before] if before else [], wallets))["held"]
    assert [held[one] for one in wallets] == [[], [], [before] if before else []]

    await shop.claim(ticket_id, ann)
    verified = await shop.get(f"/api/v1/tickets/{ticket_id}/verify")
    mint = verified["mint_address"]
    found = await read(shop, dev_chain, reader, [mint], wallets)
    assert (verified["token_holding"], verified["token"]["owner_address"]) == ("held", wallets[0])
    assert [found["held"][one] for one in wallets] == [[mint], [], []]
    assert found["decoded"] == found["explained"]
    assert (found["decoded"][mint]["soulbound"], found["decoded"][mint]["supply"]) == (not is_free, 1)
    if is_free:
        give(dev_chain, ann, bob.pubkey(), Pubkey.from_string(mint))
        found = await read(shop, dev_chain, reader, [mint], wallets)
        assert [found["held"][one] for one in wallets] == [[], [mint], []]
        assert (await shop.get(f"/api/v1/tickets/{ticket_id}/verify"))["token_holding"] == "held-elsewhere"


async def test_they_prove_a_leaf_until_it_is_claimed(shop: ChainShop, dev_chain: DevChain, reader: Reader) -> None:
    """From the chain and the proof alone, as `/verify` says; afterwards its token is in the wallet, in its group."""
    ann = Keypair()
    await shop.open(capacity=3, minting="on_claim")
    claimed, *kept = await shop.buy("p-1", 3)
    await shop.write_root()
    wallet, show = str(ann.pubkey()), (await shop.get(f"/api/v1/shows/{shop.show_id}"))["mint_address"]
    leaves = [(await shop.get(f"/api/v1/tickets/{one}/verify"))["leaf"] for one in (claimed, *kept)]
    proofs = [leaf["proof"] for leaf in leaves]
    asked = {"url": dev_chain.url, "mints": [show], "wallets": [wallet], "signatures": []}
    before = reader({**asked, "proofs": [*proofs, {**proofs[0], "public_name": "tk_other"}]})
    assert before["proved"] == [True, True, True, False]
    assert (before["held"][wallet], before["decoded"][show]["sizes"]) == ([], [0, 3])

    await shop.claim(claimed, ann)
    await shop.write_root()
    verified = [await shop.get(f"/api/v1/tickets/{one}/verify") for one in (claimed, *kept)]
    renewed = [ticket["leaf"]["proof"] for ticket in verified[1:]]
    mint = verified[0]["mint_address"]
    after = reader({**asked, "mints": [show, mint], "proofs": [proofs[0], *renewed]})
    assert (verified[0]["leaf"]["on_chain"], verified[0]["on_chain"]) == (False, True)
    assert after["proved"] == [False, True, True]
    assert (after["held"][wallet], after["decoded"][show]["sizes"]) == ([mint], [1, 3])
    assert (after["decoded"][mint]["group"], after["decoded"][mint]["supply"]) == (show, 1)
    assert after["decoded"] == after["explained"]
