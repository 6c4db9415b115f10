"""Seeded bugs of loops over subjects, of keys after stored errors, and of payouts."""

from tests.mutants.mutant import Mutant

EACH = "tests/relay/test_each.py"
KEYS = "tests/adapters/stripe/test_idempotency.py"
SHARES = "tests/workflows/test_each.py"
PAYOUTS = "tests/workflows/test_payouts.py"

LOOPS = (
    Mutant(
        "one subject's bug ends a loop of the relay",
        "relay/each.py",
        "        except Exception as error:",
        "        except TransientError as error:",
        f"{EACH}::test_one_bad_subject_never_stops_the_others[end holds]",
    ),
    Mutant(
        "a subject that fails is tried at every turn",
        "activities/core/setbacks.py",
        "        return known is None or known.due_at <= now\n",
        "        return True\n",
        f"{EACH}::test_a_subject_is_not_tried_before_its_pause_is_over",
    ),
    Mutant(
        "subjects that are set aside fill the batch",
        "relay/relay.py",
        "self._webhooks.unsignalled(BATCH_MAX + behind)",
        "self._webhooks.unsignalled(BATCH_MAX)",
        f"{EACH}::test_what_is_set_aside_takes_no_place_in_a_batch",
    ),
    Mutant(
        "a dispute that comes before its payment is dropped",
        "relay/relay.py",
        "UNKNOWN_SECONDS if webhook.dispute_id is None else UNKNOWN_DISPUTE_SECONDS",
        "UNKNOWN_SECONDS",
        "tests/relay/test_unknown_news.py::test_a_dispute_that_comes_before_its_payment_is_followed",
    ),
    Mutant(
        "an account's next look begins after events that were not stored",
        "relay/undelivered_webhooks.py",
        "        if len(stored) == len(found):\n",
        "        if stored is not None:\n",
        "tests/relay/test_undelivered_webhooks.py::test_events_that_were_not_stored_are_fetched_again",
    ),
    Mutant(
        "a share that fails holds up the round",
        "workflows/payouts.py",
        "send = self._caller.attempt if patches.SET_ASIDE.on() else self._caller.call",
        "send = self._caller.call if patches.SET_ASIDE.on() else self._caller.attempt",
        f"{SHARES}::test_one_bad_subject_never_stops_the_others[send shares]",
    ),
    Mutant(
        "there is a last key",
        "adapters/stripe/idempotency.py",
        "            stuck.add(key)\n",
        "            stuck.add(key)\n            if number > 8:\n                raise TransientError from None\n",
        f"{KEYS}::test_each_next_key_follows_a_look_and_a_longer_pause",
    ),
    Mutant(
        "the next key is used without a look",
        "adapters/stripe/idempotency.py",
        "if (looks_first or number > 1) and not has_looked:",
        "if looks_first and not has_looked:",
        f"{KEYS}::test_what_the_failed_call_did_is_found",
    ),
    Mutant(
        "a reversed payout goes to the bank once more",
        "domain/money/books.py",
        "(available, paid_out) if (amount_minor > 0) != returned else (paid_out, available)",
        "(available, paid_out) if not returned else (paid_out, available)",
        f"{PAYOUTS}::test_a_payout_is_reversed[paid]",
    ),
    Mutant(
        "an account that is gone keeps its shares due",
        "activities/payouts/transfers.py",
        "    if reason == ACCOUNT_GONE and payee.account_id == transfer.account_id:\n",
        "    if False:\n",
        f"{PAYOUTS}::test_shares_of_a_vanished_account_wait_for_another",
    ),
)
