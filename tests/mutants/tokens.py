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
    Mutant(
        "a token that its holder moved holds up the purchase",
        "activities/tokens/mint.py",
        "        if token.problems:\n",
        '        if not token.is_ours or token.standing != "held":\n',
        f"{MINT}::test_a_token_moved_or_burnt_before_it_was_verified_is_minted",
    ),
    Mutant(
        "a mint counts before it is final",
        "activities/tokens/mint.py",
        '        is_final = signed is not None and await self._chain.fate(signed.signature) == "finalized"\n',
        '        is_final = signed is not None and await self._chain.fate(signed.signature) != "unknown"\n',
        f"{MINT}::test_a_mint_counts_only_when_its_transaction_is_final",
    ),
    Mutant(
        "a mint that no node remembers is made again",
        "activities/tokens/mint.py",
        "                if await self._chain.read_token(address, spec) is not None:\n",
        "                if signed is None and await self._chain.read_token(address, spec) is not None:\n",
        f"{MINT}::test_a_mint_that_no_node_remembers_is_not_made_again",
    ),
    Mutant(
        "a token that its holder burnt makes the check red",
        "domain/invariants/cross_system.py",
        "    return None if list(found.values()) in ([1], [0]) else",
        "    return None if list(found.values()) == [1] else",
        "tests/domain/invariants/test_invariants.py::test_a_token_that_its_holder_burnt_is_no_fault",
    ),
    Mutant(
        "a burnt token gives entry by its address",
        "api/routes/verifications.py",
        '    return body.mint_address is not None and token is not None and token.standing == "burnt"\n',
        "    return body.mint_address is not None and token is None\n",
        "tests/api/routes/test_verifications.py::test_a_burnt_token_gives_no_entry_by_its_address",
    ),
)
