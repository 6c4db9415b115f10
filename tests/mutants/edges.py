"""Seeded bugs of chain, store and API."""

from tests.mutants.mutant import Tooth

LEDGER = "tests/contract/test_event_store_postgres.py"
RELAY = "tests/relay/test_relay.py"
API = "tests/api/routes/test_purchases.py"
PROBLEMS = "tests/api/http/test_problems.py"

CHAIN = (
    Tooth(
        "bytes are sent before they are stored",
        "activities/tokens/mint.py",
        "        signed = await self._chain.sign(spec, again=again)\n",
        "        signed = await self._chain.sign(spec, again=again)\n        await self._chain.send(signed)\n",
        "tests/activities/tokens/test_mint.py::test_bytes_are_stored_before_they_are_sent",
    ),
    Tooth(
        "new bytes are signed while the old ones can still land",
        "activities/tokens/mint.py",
        "if signed is None or await can_no_longer_land(self._chain, signed):",
        'if signed is None or await self._chain.fate(signed.signature) == "unknown":',
        "tests/activities/tokens/test_mint.py::test_stored_bytes_are_sent_again_and_nothing_is_signed_anew",
    ),
    Tooth(
        "a token that differs counts as ours",
        "activities/tokens/mint.py",
        "        if token.problems:\n",
        "        if token.problems and False:\n",
        "tests/activities/tokens/test_mint.py::test_a_token_that_differs_is_not_counted",
    ),
    Tooth(
        "a mint address is invented at every try",
        "adapters/solana/transaction.py",
        'digest = hmac.new(secret, f"{kind}:{subject_id}".encode(), "sha256").digest()',
        "digest = bytes(Keypair().pubkey())",
        "tests/contract/test_token_chain.py::test_an_address_is_known_before_anything_is_sent[solana]",
    ),
)

STORES = (
    Tooth(
        "an answer before the commit",
        "adapters/event_store/store.py",
        "last = self._journal.finish(events, self._shelf.due(aggregates) if events else ())",
        "last = self._journal.head()",
        "tests/contract/test_event_store.py::test_what_is_committed_is_read",
    ),
    Tooth(
        "a lost commit counts as one that never was",
        "adapters/event_store/store.py",
        "with _as_weather(unknown=True):\n            absent",
        "with _as_weather(unknown=False):\n            absent",
        f"{LEDGER}::test_a_connection_cut_in_the_middle_is_unknown_weather",
    ),
    Tooth(
        "a bad decision spoils its batch",
        "adapters/event_store/store.py",
        "            if len(batch) == 1 or _is_cut(error):\n",
        "            if batch:\n",
        f"{LEDGER}::test_a_decision_that_cannot_be_stored_spoils_nobody_elses",
    ),
    Tooth(
        "a bet is won whoever was first",
        "adapters/event_store/recorder.py",
        "        WHERE (SELECT coalesce(max(notification_id), 0) FROM facts) = head\n        AND",
        "        WHERE",
        "tests/contract/test_event_store_optimistic.py::test_a_bet_is_lost_to_whoever_was_first",
    ),
    Tooth(
        "a decision that was only looked at is kept",
        "adapters/event_store/store.py",
        "        desk.attempt(tried)\n",
        "        tried(desk)\n",
        "tests/contract/test_event_store_refusals.py::test_a_decision_that_is_refused_at_its_end_leaves_nothing",
    ),
    Tooth(
        "a decision is made whose caller has gone",
        "adapters/event_store/commit_queue.py",
        "                if waiting.gone:\n                    continue\n",
        "",
        "tests/contract/test_event_store_queue.py::test_a_caller_that_has_gone_is_not_served",
    ),
    Tooth(
        "the line has no end",
        "adapters/event_store/commit_queue.py",
        "if len(self._queue) >= self._waiting_max:",
        "if self._waiting_max < 0:",
        "tests/contract/test_event_store_queue.py::test_beyond_the_line_everybody_is_told_at_once",
    ),
    Tooth(
        "a snapshot is believed blindly",
        "adapters/event_store/aggregate_cache.py",
        "        if last.digest != snapshot.digest:\n",
        "        if not last.digest:\n",
        "tests/contract/test_event_store_queue.py::test_a_snapshot_that_does_not_fit_the_facts_is_not_believed",
    ),
    Tooth(
        "another process's facts are passed over",
        "adapters/event_store/store.py",
        "        self._shelf.advance(news)\n",
        "        self._shelf.position = news.head\n",
        "tests/contract/test_event_store_queue.py::test_many_processes_see_each_others_facts_through_their_shelves",
    ),
    Tooth(
        "an edited fact goes unseen",
        "domain/core/aggregate.py",
        "        if digest_of(previous, type(fact), dict(vars(fact))) != fact.digest:",
        "        if not fact.digest:",
        "tests/domain/core/test_aggregate.py::test_a_fact_edited_with_its_digest_shows_at_the_next_one",
    ),
    Tooth(
        "a failed decision leaves its facts",
        "domain/core/unit_of_work.py",
        "                self._undo(stream, mark)\n",
        "                self._open.get(stream)\n",
        "tests/domain/core/test_unit_of_work.py::test_a_failing_decision_leaves_nothing_behind",
    ),
    Tooth(
        "two keys run into each other",
        "domain/core/ids.py",
        'text = "".join(f"{len(part)}:{part}" for part in parts)',
        'text = "".join(parts)',
        "tests/domain/core/test_ids.py::test_parts_never_run_into_each_other",
    ),
    Tooth(
        "a webhook is taken twice",
        "adapters/tables.py",
        "        return cursor.rowcount == 1\n",
        "        return cursor.rowcount >= 0\n",
        "tests/contract/test_read_models.py::test_the_side_tables_keep_and_forget",
    ),
    Tooth(
        "two projectors fold a fact twice",
        "adapters/read_models/projection.py",
        '            cursor.execute("SELECT position FROM rm_position FOR UPDATE")\n            position = cursor',
        '            cursor.execute("SELECT position FROM rm_position")\n            position = cursor',
        "tests/contract/test_read_models.py::test_two_projectors_fold_every_fact_once",
    ),
)

DOORS = (
    Tooth(
        "a hint is marked before anybody heard it",
        "relay/relay.py",
        "            if await self._deliver(hint):\n                await self._hints.mark(hint.event_id)\n",
        "            await self._deliver(hint)\n            await self._hints.mark(hint.event_id)\n",
        f"{RELAY}::test_a_hint_waits_for_an_engine_that_is_away",
    ),
    Tooth(
        "late money is dropped",
        "relay/relay.py",
        "        return await self._engine.open_case(purchase, intent_id, facts.show_id, facts.venue_id)\n",
        "        return purchase is not None\n",
        f"{RELAY}::test_late_money_for_an_ended_purchase_opens_a_case",
    ),
    Tooth(
        "a running purchase is resumed too early",
        "relay/relay.py",
        "patience = self._longest_extension + timedelta(seconds=SETTLE_SECONDS)",
        "patience = timedelta(seconds=SETTLE_SECONDS)",
        f"{RELAY}::test_what_nobody_works_on_any_more_is_resumed",
    ),
    Tooth(
        "the internal API is open to all",
        "api/routes/ticket_api.py",
        "if token is not None and not hmac.compare_digest(",
        "if token is None and not hmac.compare_digest(",
        "tests/api/routes/test_ticket_api.py::test_without_the_token_nothing_is_answered",
    ),
    Tooth(
        "a request without a key",
        "api/http/requests.py",
        "    if not key:\n        raise Problem(400",
        "    if key == '':\n        raise Problem(400",
        f"{PROBLEMS}::test_a_request_without_a_usable_key_is_refused",
    ),
    Tooth(
        "personal data stays after a refusal",
        "api/routes/purchases.py",
        "        await parts.buyers.forget(command.buyer_id)\n        raise\n",
        "        raise\n",
        f"{API}::test_a_show_is_not_sold_before_it_stands_on_chain",
    ),
    Tooth(
        "a paid key is answered as a new purchase",
        "api/routes/purchases.py",
        "status = 202 if standing.state in UNANSWERED else 201 if requested.fresh else 200",
        "status = 202 if standing.state in UNANSWERED else 201",
        f"{API}::test_the_same_key_is_the_same_purchase_also_after_it_ended",
    ),
)
