"""Seeded bugs of chain, store and API."""

from tests.mutants.mutant import Mutant

EVENT_STORE = "tests/contract/test_event_store_postgres.py"
RELAY = "tests/relay/test_relay.py"
API = "tests/api/routes/test_purchases.py"
PROBLEMS = "tests/api/http/test_problems.py"

CHAIN = (
    Mutant(
        "bytes are sent before they are stored",
        "activities/tokens/minter.py",
        "            signed = await self._chain.sign(spec, again=after)\n",
        "            signed = await self._chain.sign(spec, again=after)\n            await self._chain.send(signed)\n",
        "tests/activities/tokens/test_mint.py::test_bytes_are_stored_before_they_are_sent",
    ),
    Mutant(
        "new bytes are signed while the old ones can still land",
        "activities/tokens/submit.py",
        "if signed is None or dead_since is not None:",
        'if signed is None or await chain.fate(signed.signature) == "unknown":',
        "tests/activities/tokens/test_mint.py::test_stored_bytes_are_sent_again_and_nothing_is_signed_anew",
    ),
    Mutant(
        "a token that differs counts as ours",
        "activities/tokens/minter.py",
        "        if token.problems:\n",
        "        if token.problems and False:\n",
        "tests/activities/tokens/test_mint.py::test_a_token_that_differs_is_not_counted",
    ),
    Mutant(
        "a mint address is invented at every try",
        "adapters/solana/transaction.py",
        'digest = hmac.new(secret, f"{kind}:{subject_id}".encode(), "sha256").digest()',
        "digest = bytes(Keypair().pubkey())",
        "tests/contract/test_token_chain.py::test_an_address_is_known_before_anything_is_sent[solana]",
    ),
)

POOLER = "tests/contract/test_pooler.py"
STORES = (
    Mutant(
        "a pooler that lends its sessions in turn is not noticed",
        "adapters/database/sessions.py",
        "OTHERS_MAX = 8",
        "OTHERS_MAX = 1",
        f"{POOLER}::test_a_pooler_that_keeps_no_sessions_is_refused[transaction-2-in turn]",
    ),
    Mutant(
        "time limits are lost behind a pooler",
        "adapters/postgres/connections.py",
        "    if not settings:\n        return None\n",
        "    return None\n",
        f"{POOLER}::test_in_session_mode_the_options_of_a_session_hold[ours]",
    ),
    Mutant(
        "an answer before the commit",
        "adapters/event_store/store.py",
        "last = self._log.append_and_commit(decided.events, snapshots)",
        "last = self._log.head()",
        "tests/contract/test_event_store.py::test_what_is_committed_is_read",
    ),
    Mutant(
        "a lost commit counts as not made",
        "adapters/event_store/store.py",
        "with translate_database_errors(unknown=True):\n            absent",
        "with translate_database_errors(unknown=False):\n            absent",
        f"{EVENT_STORE}::test_a_connection_cut_in_the_middle_is_an_unknown_effect",
    ),
    Mutant(
        "a bad decision fails its batch",
        "adapters/event_store/store.py",
        "            if len(batch) == 1 or _is_disconnected(error):\n",
        "            if batch:\n",
        f"{EVENT_STORE}::test_a_decision_that_cannot_be_stored_fails_alone",
    ),
    Mutant(
        "an optimistic append ignores other processes",
        "adapters/database/migrations/versions/v0001_release_0_1_0.py",
        "        WHERE (SELECT coalesce(max(notification_id), 0) FROM events) = head\n        AND",
        "        WHERE",
        "tests/contract/test_optimistic_append.py::test_nothing_is_appended_when_another_process_was_first",
    ),
    Mutant(
        "a refused decision leaves its changes in the cache",
        "adapters/event_store/refuse_without_lock.py",
        "        uow.attempt(tried, decision.actor)\n",
        "        tried(uow)\n",
        "tests/contract/test_refuse_without_lock.py::test_a_decision_that_is_refused_at_its_end_leaves_nothing",
    ),
    Mutant(
        "a cancelled decision is made",
        "adapters/event_store/commit_queue.py",
        "                if decision.abandoned:\n                    continue\n",
        "",
        "tests/contract/test_event_store_queue.py::test_a_cancelled_decision_is_not_made",
    ),
    Mutant(
        "the commit queue has no limit",
        "adapters/event_store/commit_queue.py",
        "if len(self._queue) >= self._queue_max:",
        "if self._queue_max < 0:",
        "tests/contract/test_event_store_queue.py::test_a_full_queue_refuses_at_once",
    ),
    Mutant(
        "a snapshot is trusted without a check",
        "adapters/event_store/aggregate_cache.py",
        "        if digest_of(events[0]) != snapshot.digest:\n",
        "        if not snapshot.digest:\n",
        "tests/contract/test_event_store_queue.py::test_a_snapshot_that_does_not_match_the_events_is_ignored",
    ),
    Mutant(
        "another process's events are ignored",
        "adapters/event_store/decider.py",
        "        self.cache.advance(tail)\n",
        "        self.cache.position = tail.head\n",
        "tests/contract/test_event_store_queue.py::test_processes_see_each_others_events_despite_their_caches",
    ),
    Mutant(
        "an edited event is not found",
        "domain/core/chain.py",
        "    return link(previous, bare)[0].state == event.state",
        "    return link(previous, bare)[0].state[_REST:] == event.state[_REST:]",
        "tests/domain/core/test_chain.py::test_an_edited_event_shows",
    ),
    Mutant(
        "a topic is inherited",
        "domain/core/topics.py",
        '    topic = vars(stored).get("TOPIC")\n',
        '    topic = getattr(stored, "TOPIC", None)\n',
        "tests/domain/core/test_aggregate.py::test_an_event_or_aggregate_without_a_topic_of_its_own_is_refused",
    ),
    Mutant(
        "a topic is known only where its class was imported",
        "adapters/event_store/recorder.py",
        "    import_all()\n",
        "    import_all.cache_info()\n",
        "tests/architecture/test_persisted_names.py::test_a_topic_is_resolved_by_a_process_that_knows_no_class",
    ),
    Mutant(
        "a failed decision leaves its events",
        "domain/core/unit_of_work.py",
        "                self._undo(stream, savepoint)\n",
        "                self._open.get(stream)\n",
        "tests/domain/core/test_unit_of_work.py::test_a_failing_decision_leaves_nothing_behind",
    ),
    Mutant(
        "two keys collide",
        "domain/core/ids.py",
        'return "".join(f"{len(part)}:{part}" for part in parts)',
        'return "".join(parts)',
        "tests/domain/core/test_ids.py::test_parts_never_run_into_each_other",
    ),
    Mutant(
        "an id is a plain hash",
        "domain/core/ids.py",
        'hmac.new(self.secret, text, "sha256").digest()',
        "hashlib.sha256(framed(*parts)).digest()",
        "tests/api/test_ids.py::test_no_id_is_computable",
    ),
    Mutant(
        "another deployment's objects at Stripe are ours",
        "adapters/stripe/mapping.py",
        'return metadata_value(metadata, DEPLOYMENT) not in {"", deployment_id}',
        "return False",
        "tests/contract/test_deployments_at_stripe.py::test_an_event_of_another_deployment_decides_nothing",
    ),
    Mutant(
        "an idempotency key at Stripe does not name the deployment",
        "adapters/stripe/client.py",
        'own_key = f"{self.deployment_id}:{key}"',
        "own_key = key",
        "tests/contract/test_deployments_at_stripe.py::test_equal_keys_move_each_sides_own_money",
    ),
    Mutant(
        "a ticket's id comes from its purchase's",
        "activities/sales/order.py",
        "ticket_id_of(order.nonce or order.identity, ",
        "ticket_id_of(order.identity, ",
        "tests/api/test_ids.py::test_no_id_is_computable",
    ),
    Mutant(
        "a webhook is taken twice",
        "adapters/postgres/tables.py",
        "        return stored == 1\n",
        "        return stored >= 0\n",
        "tests/contract/test_tables.py::test_a_webhook_is_stored_once_until_it_is_marked",
    ),
    Mutant(
        "a period that is over gets another line",
        "domain/money/statement.py",
        "        last = entry.at if last is None else max(entry.at, last)\n",
        "        last = entry.at\n",
        "tests/domain/money/test_statement.py::test_a_clock_that_is_behind_moves_no_line_into_a_closed_period",
    ),
    Mutant(
        "a date is read in UTC",
        "api/http/requests.py",
        "moment.replace(tzinfo=ZoneInfo(zone))",
        "moment.replace(tzinfo=UTC)",
        "tests/api/routes/test_month.py::test_a_date_is_a_day_of_the_venue",
    ),
    Mutant(
        "another tenant reads the platform's statement",
        "api/routes/statements.py",
        "if caller.tenant_id != DEFAULT_TENANT or caller.venue_id:",
        "if caller.venue_id:",
        "tests/api/routes/test_month.py::test_the_platforms_statement_is_the_platforms",
    ),
    Mutant(
        "a read waits for ever",
        "api/http/limits/read_time.py",
        "asyncio.timeout(seconds)",
        "asyncio.timeout(None)",
        "tests/api/http/limits/test_read_time.py::test_a_slow_read_is_503",
    ),
    Mutant(
        "one query takes the whole pool",
        "adapters/read_models/queries.py",
        "Semaphore(max(1, pool.max_size // 2))",
        "Semaphore(max(1, pool.max_size))",
        "tests/contract/test_waits.py::test_a_locked_table_does_not_hold_the_reads_of_others",
    ),
    Mutant(
        "two projectors fold an event twice",
        "adapters/read_models/projection.py",
        '            cursor.execute("SELECT position FROM rm_position FOR UPDATE")\n            position = cursor',
        '            cursor.execute("SELECT position FROM rm_position")\n            position = cursor',
        "tests/contract/test_read_models.py::test_two_projectors_fold_every_event_once",
    ),
)

DOORS = (
    Mutant(
        "a webhook is marked before its workflow is signalled",
        "relay/relay.py",
        "if await self._deliver(webhook):",
        "if [await self._deliver(webhook)]:",
        f"{RELAY}::test_a_webhook_waits_for_an_engine_that_is_unavailable",
    ),
    Mutant(
        "late money is dropped",
        "relay/relay.py",
        "        if events is None:\n            return True\n        waits = heard or",
        "        if not heard:\n            return True\n        waits = heard or",
        f"{RELAY}::test_late_money_for_an_ended_purchase_opens_a_case",
    ),
    Mutant(
        "a running purchase is resumed too early",
        "relay/relay.py",
        "patience = self._longest_extension + timedelta(seconds=SETTLE_SECONDS)",
        "patience = timedelta(seconds=SETTLE_SECONDS)",
        f"{RELAY}::test_what_nobody_works_on_any_more_is_resumed",
    ),
    Mutant(
        "a request without a usable key is accepted",
        "api/http/requests.py",
        "        min_length=1,\n        max_length=KEY_CHARS_MAX,\n        pattern=KEY_PATTERN,\n",
        "",
        f"{PROBLEMS}::test_a_request_without_a_usable_key_is_refused",
    ),
    Mutant(
        "personal data stays after a refusal",
        "api/routes/purchases.py",
        "        await deps.buyers.forget(command.buyer_id)\n        raise\n",
        "        raise\n",
        f"{API}::test_a_show_is_not_sold_before_it_stands_on_chain",
    ),
    Mutant(
        "a paid key is answered as a new purchase",
        "api/routes/purchases.py",
        "status = 202 if purchase_status.state in UNOPENED_STATES else 201 if requested.fresh else 200",
        "status = 202 if purchase_status.state in UNOPENED_STATES else 201",
        f"{API}::test_the_same_key_is_the_same_purchase_also_after_it_ended",
    ),
    Mutant(
        "the projector gets Stripe's key",
        "docker-compose.temporal.yml",
        "      <<: *database\n      BOXOFFICE_PROJECTOR__METRICS_PORT",
        "      <<: [*database, *stripe]\n      BOXOFFICE_PROJECTOR__METRICS_PORT",
        "tests/architecture/test_compose.py::test_each_process_gets_what_it_needs_and_no_other_secret",
    ),
)
