"""Seeded bugs of tickets' tokens: who holds them, and what is said of them."""

from tests.mutants.mutant import Mutant

CHAIN_TESTS = "tests/contract/test_token_chain.py"
MINT = "tests/activities/tokens/test_mint.py"
PIN = "tests/activities/tokens/test_pin.py"

TOKENS = (
    Mutant(
        "any token at the address is adopted",
        "activities/tokens/minter.py",
        "        if differing:\n",
        "        if not differing:\n",
        f"{MINT}::test_another_token_at_the_address_is_not_adopted",
    ),
    Mutant(
        "a token is adopted whoever holds it",
        "activities/tokens/minter.py",
        '        names.append("owner_address")\n',
        "        pass\n",
        "tests/activities/tokens/claims/test_deliver.py"
        "::test_a_token_that_another_wallet_got_before_a_restore_is_not_adopted",
    ),
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
        "activities/tokens/claims/wallets.py",
        "                await self._chain.check_wallet(address, vault=vault)\n",
        "                await self._chain.check_wallet(address, vault=vault) if vault else None\n",
        f"{MINT}::test_a_sale_does_not_wait_for_the_chain_to_check_a_wallet",
    ),
    Mutant(
        "a paid ticket is minted to nobody",
        "activities/tokens/mint.py",
        "        except InvalidWallet:\n            return self._custody\n",
        "        except InvalidWallet:\n            return wallet\n",
        f"{MINT}::test_a_wallet_that_turns_out_to_be_nobodys_is_left_out",
    ),
    Mutant(
        "a token that its holder moved holds up the purchase",
        "activities/tokens/minter.py",
        "        if token.problems:\n",
        '        if not token.is_ours or token.holding != "held":\n',
        f"{MINT}::test_a_token_moved_or_burnt_before_it_was_verified_is_minted",
    ),
    Mutant(
        "a show fails until its venue is on chain",
        "activities/tokens/mint.py",
        "            if left <= 0:\n",
        "            if left <= self._venue_seconds:\n",
        f"{MINT}::test_a_show_waits_in_line_for_its_venue",
    ),
    Mutant(
        "a server stops under the programs that need it",
        "devstack/supervisor/supervisor.py",
        "            if runner.process.name in other.process.needs:\n",
        "            if runner.process.name == other.process.needs:\n",
        "tests/devstack/supervisor/test_stopping.py::test_what_nobody_needs_stops_together",
    ),
    Mutant(
        "a mint counts before it is final",
        "activities/tokens/submit.py",
        '    is_final = signed is not None and await chain.fate(signed.signature) == "finalized"\n',
        '    is_final = signed is not None and await chain.fate(signed.signature) != "unknown"\n',
        f"{MINT}::test_a_mint_counts_only_when_its_transaction_is_final",
    ),
    Mutant(
        "a mint that no node remembers is made again",
        "activities/tokens/submit.py",
        "if await is_done(signed, dead_since or 0):",
        "if signed is None and await is_done(signed, dead_since or 0):",
        f"{MINT}::test_a_mint_that_no_node_remembers_is_not_made_again",
    ),
    Mutant(
        "a token that its holder burnt makes the check red",
        "domain/invariants/cross_system.py",
        "found[ticket.addresses[0]] in {0, 1}",
        "found[ticket.addresses[0]] == 1",
        "tests/domain/invariants/test_invariants.py::test_a_token_that_its_holder_burnt_is_no_fault",
    ),
    Mutant(
        "a burnt token gives entry by its address",
        "api/routes/verifications.py",
        '    return body.mint_address is not None and token is not None and token.holding == "burnt"\n',
        "    return body.mint_address is not None and token is None\n",
        "tests/api/routes/test_verifications.py::test_a_burnt_token_gives_no_entry_by_its_address",
    ),
    Mutant(
        "a uri is signed before its metadata is stored",
        "activities/tokens/metadata.py",
        "        await store.commit(decide)\n    return uri_of(drawing)\n",
        "    return uri_of(drawing)\n",
        f"{MINT}::test_metadata_is_stored_before_anything_is_signed",
    ),
    Mutant(
        "a uri names the ticket",
        "activities/tokens/metadata.py",
        "    return SCHEME + drawing.cid\n",
        "    return SCHEME + drawing.cid + drawing.about\n",
        f"{MINT}::test_the_chain_tells_no_id_and_no_host",
    ),
    Mutant(
        "a CID is of another codec",
        "activities/tokens/metadata.py",
        "RAW_SHA256 = bytes([1, 0x55, 0x12, 32])",
        "RAW_SHA256 = bytes([1, 0x70, 0x12, 32])",
        "tests/activities/tokens/test_metadata.py::test_a_cid_is_that_of_raw_bytes",
    ),
    Mutant(
        "a name of a show is markup in its picture",
        "activities/tokens/picture.py",
        '    return escape("".join(one for one in text if one.isprintable()), quote=True)\n',
        '    return "".join(one for one in text if one.isprintable())\n',
        "tests/activities/tokens/test_metadata.py::test_every_name_is_a_well_formed_picture_without_script",
    ),
    Mutant(
        "a picture may run script where a browser opens it",
        "api/routes/ipfs.py",
        '        "Content-Security-Policy": PICTURE_POLICY,\n',
        "",
        "tests/api/routes/test_ipfs.py::test_a_file_may_be_kept_for_ever_and_read_from_every_page",
    ),
    Mutant(
        "a file counts as pinned when the node has taken it",
        "activities/tokens/pin.py",
        "        if not await self._node.is_pinned(cid):\n",
        "        if not cid:\n",
        f"{PIN}::test_a_file_that_the_node_forgets_is_not_recorded",
    ),
    Mutant(
        "one file that cannot be pinned stops the others",
        "activities/core/loops.py",
        "            failures.append(str(error))\n",
        "            failures.append(str(error))\n            break\n",
        f"{PIN}::test_one_file_that_cannot_be_pinned_does_not_stop_the_others",
    ),
    Mutant(
        "an odd answer of the IPFS node is a bug",
        "adapters/http/kubo.py",
        "        if not isinstance(found, dict):\n",
        "        if found is None:\n",
        "tests/contract/test_pinning_node.py::test_what_is_no_good_answer_is_a_transient_error",
        "a list",
    ),
)
