"""Seeded bugs of our keys on chain: what they sign, and their rotation."""

from tests.mutants.mutant import Mutant

POLICY = "tests/adapters/solana/signer/test_policy.py"
GUARD = "tests/adapters/solana/signer/test_guard.py"
ROTATION = "tests/contract/test_key_rotation.py"
PAYER = "tests/contract/test_payer.py"
SALE = "tests/activities/sales/funds/test_sale.py"
CHECK = "tests/settings/test_check.py"
SIGNER = "adapters/solana/signer"

KEYS = (
    Mutant(
        "lamports may go to anybody",
        f"{SIGNER}/policy.py",
        "effects.paid.keys() - effects.made - effects.written,",
        "set(),",
        f"{POLICY}::test_what_nobody_of_us_builds_is_refused",
        "lamports to a stranger",
    ),
    Mutant(
        "a mint may cost any lamports",
        f"{SIGNER}/policy.py",
        "if lamports > LAMPORTS_MAX_PER_MINT}",
        "if lamports > 10 * LAMPORTS_MAX_PER_MINT}",
        f"{POLICY}::test_too_many_lamports_are_refused",
    ),
    Mutant(
        "the delegate's right may go to anybody",
        f"{SIGNER}/policy.py",
        "    return view.rest == bytes(view.keys.delegate)\n",
        "    return len(view.rest) == _KEY\n",
        f"{POLICY}::test_what_nobody_of_us_builds_is_refused",
        "to a stranger",
    ),
    Mutant(
        "an account is left for anybody to initialize",
        f"{SIGNER}/policy.py",
        "effects.made - effects.initialized,",
        "set(),",
        f"{POLICY}::test_half_a_mint_is_not_signed",
        "initialize mint",
    ),
    Mutant(
        "an instruction's accounts may be more than its rule has",
        f"{SIGNER}/policy.py",
        "    if len(words) != len(view.accounts):\n        return False\n"
        "    for word, account in zip(words, view.accounts, strict=True):",
        "    for word, account in zip(words, view.accounts, strict=False):",
        f"{POLICY}::test_a_key_of_ours_in_another_place_is_not_signed",
    ),
    Mutant(
        "a new token may name a retired key",
        f"{SIGNER}/policy.py",
        '"new-issuer": keys.issuer}',
        '"new-issuer": next(iter(keys.retired), keys.issuer)}',
        f"{POLICY}::test_what_the_adapters_build_is_signed",
    ),
    Mutant(
        "the budget has no end",
        f"{SIGNER}/guard.py",
        "if len(self._signed_at) >= self._limits.per_minute:",
        "if len(self._signed_at) > 10 * self._limits.per_minute:",
        f"{GUARD}::test_the_budget_of_a_minute_is_spent_once",
    ),
    Mutant(
        "a refusal is no alarm",
        f"{SIGNER}/guard.py",
        "            self._refuse(REASON_POLICY, str(refused))\n",
        "",
        f"{GUARD}::test_a_refused_message_is_an_alarm_and_reaches_no_key",
    ),
    Mutant(
        "a signer is believed",
        f"{SIGNER}/guard.py",
        "if not is_whole or not all(transaction.verify_with_results()):",
        "if not is_whole:",
        f"{GUARD}::test_a_wrong_answer_of_a_signer_is_an_alarm",
    ),
    Mutant(
        "a signed address is computed again",
        "activities/tokens/minter.py",
        "address = unsigned if after is None else after.mint_address",
        "address = unsigned",
        "tests/activities/tokens/test_mint.py::test_a_mint_that_no_node_remembers_is_looked_for_at_its_own_address",
    ),
    Mutant(
        "a group's authority is the present issuer, whatever the chain says",
        f"{SIGNER}/authorities.py",
        "        named = None if mint is None else mint.group_authority()\n",
        "        named = None if mint is None else self._keys.issuer\n",
        f"{ROTATION}::test_a_key_is_rotated_in_the_middle_of_a_sale",
        "issuer",
    ),
    Mutant(
        "a rotation forgets the delegate",
        "adapters/solana/mint_layout.py",
        '"mint": self.mint_authority, "delegate": self.delegate()}',
        '"mint": self.mint_authority}',
        f"{ROTATION}::test_a_key_is_rotated_in_the_middle_of_a_sale",
        "delegate",
    ),
    Mutant(
        "a token's delegate must be the one that was signed",
        "adapters/solana/chain.py",
        'return signed | self.keys.may_act_as("delegate")',
        "return signed",
        f"{ROTATION}::test_a_key_is_rotated_in_the_middle_of_a_sale",
        "delegate",
    ),
    Mutant(
        "a dry run rotates",
        "activities/tokens/rotate.py",
        "        while moves and not dry_run:\n",
        "        while moves:\n",
        f"{ROTATION}::test_a_dry_run_changes_nothing",
    ),
    Mutant(
        "minting goes on below the mark",
        "adapters/solana/minting.py",
        "if self._balance[1] >= self._mark.lamports:",
        "if self._balance[1] >= 0:",
        f"{PAYER}::test_minting_pauses_below_the_mark_and_goes_on_by_itself",
    ),
    Mutant(
        "each look is an alarm",
        "activities/sales/funds/watch.py",
        "if funds.is_low and low_since is None:",
        "if funds.is_low:",
        "tests/activities/sales/funds/test_watch.py::test_there_is_one_alarm_until_the_money_comes",
    ),
    Mutant(
        "a pause calls for an operator",
        "workflows/core/activity_calls.py",
        "if isinstance(cause, ApplicationError) and cause.type == PAUSED:",
        "if cause is None:",
        "tests/workflows/core/test_activity_calls.py::test_a_pause_calls_for_no_operator",
    ),
    Mutant(
        "what was sold since the figure does not count",
        "activities/sales/funds/sale.py",
        'return document["runway"] - self._sold',
        'return document["runway"]',
        f"{SALE}::test_no_more_is_sold_than_can_be_minted",
    ),
    Mutant(
        "an old figure stops the sale",
        "activities/sales/funds/sale.py",
        'if document is None or now - datetime.fromisoformat(document["at"]) > AGE_MAX:',
        "if document is None:",
        f"{SALE}::test_a_figure_that_nobody_has_stops_no_sale",
        "old",
    ),
    Mutant(
        "the owed tickets are forgotten",
        "domain/tickets/funds.py",
        "// self.ticket_lamports - self.owed",
        "// self.ticket_lamports",
        "tests/domain/tickets/test_funds.py::test_the_mark_is_kept_and_the_owed_are_paid_first",
    ),
    Mutant(
        "expired bytes are signed again at the same price",
        "adapters/solana/signer/fees.py",
        "2 * before",
        "before",
        "tests/adapters/solana/signer/test_fees.py::test_the_price_rises_after_an_expiry",
    ),
    Mutant(
        "the price has no ceiling",
        "adapters/solana/signer/fees.py",
        "return min(self._ceiling, max(",
        "return min(10 * self._ceiling, max(",
        "tests/adapters/solana/signer/test_fees.py::test_the_price_follows_the_recent_ones",
    ),
    Mutant(
        "custody may have the issuer's key",
        "settings/check.py",
        "if solana.custody_address and keys.custody in {keys.payer, keys.issuer, keys.delegate}:",
        "if solana.custody_address and keys.custody in {keys.payer, keys.delegate}:",
        f"{CHECK}::test_an_unsafe_setting_is_refused_in_production_only",
        "another role",
    ),
)
