"""Seeded bugs of claims and of soulbound tokens."""

from tests.mutants.mutant import Mutant

REQUEST = "activities/tokens/claims/request.py"
DELIVER = "activities/tokens/claims/deliver.py"
REQUESTS, DELIVERIES = (f"tests/activities/tokens/claims/test_{name}.py" for name in ("request", "deliver"))

CLAIMS = (
    Mutant(
        "a ticket is claimed twice",
        "domain/tickets/claiming.py",
        'if self.claim != "none":',
        'if self.claim == "done":',
        f"{REQUESTS}::test_another_wallet_cannot_claim_it_too",
    ),
    Mutant(
        "a signature of nobody claims a ticket",
        REQUEST,
        "if not self._proofs.has_signed(command.wallet, made.message.encode(), command.signature):",
        "if not command.signature:",
        f"{REQUESTS}::test_what_the_wallet_has_not_signed_is_no_claim",
    ),
    Mutant(
        "a signature over another text claims a ticket",
        REQUEST,
        "self._proofs.has_signed(command.wallet, made.message.encode(), command.signature)",
        'self._proofs.has_signed(command.wallet, b"text", command.signature)',
        f"{REQUESTS}::test_what_the_wallet_has_not_signed_is_no_claim",
    ),
    Mutant(
        "a text to sign has no end",
        REQUEST,
        "if made.expires_at <= now:",
        "if made.expires_at > now + CHALLENGE_LIFE:",
        f"{REQUESTS}::test_a_text_has_an_end",
    ),
    Mutant(
        "a nonce is good for a second claim",
        REQUEST,
        "wallet, second, str(ticket.claims))",
        "wallet, second)",
        f"{REQUESTS}::test_a_nonce_counts_for_one_claim",
    ),
    Mutant(
        "an address that cannot sign claims a ticket",
        REQUEST,
        "        await self._proofs.check.check(wallet, vault=False)\n        return",
        "        await self._proofs.check.check(wallet, vault=True)\n        return",
        f"{REQUESTS}::test_an_address_that_cannot_sign_gets_no_text",
    ),
    Mutant(
        "a claim that lost leaves its wallet behind",
        REQUEST,
        "            await self._holders.forget(holder_id)\n",
        "",
        f"{REQUESTS}::test_of_two_claims_at_once_one_counts",
    ),
    Mutant(
        "a token that is in its wallet is moved again",
        DELIVER,
        'return place == "claimed"',
        "return False",
        f"{DELIVERIES}::test_a_delivery_that_no_node_remembers_is_not_made_again",
    ),
    Mutant(
        "where a token is, is read at any slot",
        DELIVER,
        "whereabouts(minted, wallet, since)",
        "whereabouts(minted, wallet)",
        f"{DELIVERIES}::test_a_lagging_node_lets_nothing_be_signed_again",
    ),
    Mutant(
        "a leaf ends before its token is signed",
        DELIVER,
        'await self._tickets.mint(sold, wallet, lambda uow: end_leaf(uow, uow.get(Ticket, ticket.identity), "claim"))',
        'await self._store.commit(lambda uow: end_leaf(uow, uow.get(Ticket, ticket.identity), "claim"))\n'
        "            await self._tickets.mint(sold, wallet)",
        f"{DELIVERIES}::test_any_other_refusal_waits_for_an_operator",
    ),
    Mutant(
        "a refunded claim waits for ever",
        DELIVER,
        '        if ticket.state == "void":\n            raise _LapsedError("refunded")\n',
        "",
        f"{DELIVERIES}::test_a_refund_before_the_delivery_ends_the_claim",
    ),
    Mutant(
        "an erased row ends a claim whose bytes may land",
        DELIVER,
        "signed = ticket.signed if sold.show.mints_at_claim else ticket.transfer",
        "signed = None",
        f"{DELIVERIES}::test_a_soulbound_token_that_is_signed_goes_to_its_wallet",
    ),
    Mutant(
        "two workers have live bytes that differ",
        "domain/tickets/has_token.py",
        "self.signed == after != signed",
        "self.signed != signed",
        "tests/domain/tickets/test_ticket.py"
        "::test_signed_bytes_are_kept_before_they_are_sent_and_newer_ones_replace_them",
    ),
    Mutant(
        "a soulbound token is minted to custody",
        "activities/tokens/mint.py",
        "        if sold.show.mints_at_claim:\n            return NO_TOKEN\n",
        "",
        f"{DELIVERIES}::test_a_soulbound_token_is_minted_to_its_wallet_when_it_is_claimed",
    ),
    Mutant(
        "a soulbound token is owed to nobody",
        "activities/books/post.py",
        "uow.get(Show, ticket.show_id).mints_at_claim",
        "not uow.get(Show, ticket.show_id)",
        f"{DELIVERIES}::test_a_soulbound_token_is_minted_to_its_wallet_when_it_is_claimed",
    ),
    Mutant(
        "a claimed token looks held elsewhere",
        "activities/tokens/mint.py",
        'if ticket.claim == "done" and ticket.transfer is not None:',
        "if ticket.transfer is None and ticket.signed is None:",
        f"{DELIVERIES}::test_the_token_comes_to_the_wallet_and_verifies",
    ),
    Mutant(
        "the retention deletes the wallet of a claim under way",
        "adapters/privacy/retention.py",
        """    " AND coalesce(t.doc->>'claim', 'none') <> 'requested'"\n""",
        "",
        "tests/contract/test_buyers.py::test_a_wallet_is_kept_for_the_claim_that_names_it",
    ),
    Mutant(
        "the token of any purchase opens a ticket",
        "api/http/guard.py",
        "if purchase_id is None or not _opens(token, purchase_id, deps):",
        'if purchase_id is None or ("purchase_id" in scope["path_params"] and not _opens(token, purchase_id, deps)):',
        "tests/api/routes/test_claims.py::test_without_the_purchases_token_there_is_no_ticket",
    ),
)
