"""Seeded bugs of tickets' tokens: who holds them, and what is said of them."""

from tests.mutants.mutant import Mutant

CHAIN_TESTS = "tests/contract/test_token_chain.py"
MINT = "tests/activities/tokens/test_mint.py"

TOKENS = (
    Mutant(
        "a point of low order is a wallet",
        "adapters/solana/keys.py",
        "    if is_low_order(address):\n",
        "    if is_low_order(address) and vault:\n",
        f"{CHAIN_TESTS}::test_an_address_that_is_nobodys_is_no_wallet",
        "low-order",
    ),
    Mutant(
        "a mint is a wallet",
        "adapters/solana/keys.py",
        "    if account.owner in TOKEN_PROGRAMS:\n",
        "    if account.owner == TOKEN:\n",
        f"{CHAIN_TESTS}::test_a_mint_is_no_wallet",
    ),
    Mutant(
        "a wallet is checked without the chain",
        "activities/tokens/wallets.py",
        "                await self._chain.check_wallet(address, vault=vault)\n",
        "                await self._chain.check_wallet(address, vault=vault) if vault else None\n",
        f"{MINT}::test_a_sale_does_not_wait_for_the_chain_to_check_a_wallet",
    ),
    Mutant(
        "a paid ticket is minted to nobody",
        "activities/tokens/mint.py",
        '            return spec.model_copy(update={"owner_address": self._custody})\n',
        "            return spec\n",
        f"{MINT}::test_a_wallet_that_turns_out_to_be_nobodys_is_left_out",
    ),
)
