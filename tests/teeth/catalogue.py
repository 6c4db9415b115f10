"""Seeded bugs, each with the one test that must catch it: `make teeth` breaks the code and runs that test."""

from typing import NamedTuple


class Tooth(NamedTuple):
    """One bug: in `file` the text `old` (it stands there once) becomes `new`; `test` fails then."""

    name: str
    file: str
    old: str
    new: str
    test: str


ALLOCATION = "tests/unit/test_allocation.py"
ORDER = "tests/unit/test_order.py"
STORE = "tests/unit/test_activities_idempotent.py"
SAGA = "tests/workflow/test_purchase.py"
KERNEL = "tests/workflow/test_saga_kernel.py"
LEDGER = "tests/contract/test_ledger_postgres.py"
GATEWAY = "tests/contract/test_payment_gateway.py"
RELAY = "tests/unit/test_api_relay.py"
API = "tests/unit/test_api_purchases.py"
PROBLEMS = "tests/unit/test_api_problems.py"

STOCK = (
    Tooth(
        "sells more than there is",
        "domain/allocation.py",
        "if quantity > self.available:",
        "if quantity > self.capacity:",
        f"{ALLOCATION}::test_more_than_is_left_is_refused_with_what_is_left",
    ),
    Tooth(
        "a tombstone does not hold",
        "domain/allocation.py",
        '            if hold.state == "released":\n                raise HoldReleased("this hold has ended", key=key)\n'
        "            return\n",
        "            return\n",
        f"{ALLOCATION}::test_a_release_that_comes_first_refuses_the_late_hold",
    ),
    Tooth(
        "a released hold is confirmed",
        "domain/allocation.py",
        '        if hold.state == "released":\n            raise HoldReleased("this hold has ended", key=key)\n'
        '        if hold.state == "held":',
        '        if hold.state != "confirmed":',
        f"{ALLOCATION}::test_a_released_hold_is_neither_placed_nor_confirmed_again",
    ),
    Tooth(
        "a release keeps the seats",
        "domain/allocation.py",
        '        hold.state = "released"\n        aggregate.held -= hold.quantity',
        '        hold.state = "released"',
        f"{ALLOCATION}::test_a_reservation_is_taken_back_to_a_hold_and_then_released",
    ),
    Tooth(
        "one door ends another door's hold",
        "domain/allocation.py",
        "if maker is not None and hold.maker != maker:",
        "if maker is not None and not hold.maker:",
        f"{ALLOCATION}::test_a_door_finds_its_own_holds_only",
    ),
)
ORDERS = (
    Tooth(
        "a cancel is taken while the money is being taken",
        "domain/order.py",
        'if self.capture_requested or self.state in {"confirmed", "fulfilled"}:\n            raise CancelTooLate',
        'if self.state in {"confirmed", "fulfilled"}:\n            raise CancelTooLate',
        f"{STORE}::test_a_confirmation_before_the_cancel_refuses_the_cancel",
    ),
    Tooth(
        "money is taken after the buyer's cancel",
        "domain/order.py",
        'if self.cancel_requested or self.state in {"cancelled", "refused"}:',
        'if self.state in {"cancelled", "refused"}:',
        f"{STORE}::test_a_cancel_before_the_capture_refuses_the_confirmation",
    ),
    Tooth(
        "the price is not locked",
        "domain/order.py",
        "        if self.price is None:\n            self.record(OrderPlaced",
        "        if self.price != price:\n            self.record(OrderPlaced",
        f"{ORDER}::test_the_price_is_locked_by_the_first_call",
    ),
    Tooth(
        "a key is used again with another body",
        "domain/order.py",
        "if body_digest != self.body_digest:",
        "if not body_digest:",
        f"{ORDER}::test_the_same_key_and_body_is_the_same_purchase",
    ),
    Tooth(
        "an unpaid order is confirmed",
        "domain/order.py",
        'if self.state == "placed" and self.capture_requested:',
        'if self.state == "placed":',
        f"{ORDER}::test_only_a_requested_capture_is_confirmed",
    ),
    Tooth(
        "a sold order is cancelled",
        "domain/order.py",
        '            raise WrongState("a sold order is not cancelled", state=self.state)\n',
        "            self.record(OrderCancelled, at, reason=reason)\n",
        f"{ORDER}::test_a_sold_order_is_not_cancelled",
    ),
    Tooth(
        "a refused buyer's key stays taken",
        "domain/order.py",
        'if self.state == "requested" and reason in FREES_KEY:',
        'if self.state == "requested" and not reason:',
        f"{STORE}::test_a_request_is_recorded_once",
    ),
    Tooth(
        "a late step of a former attempt acts on the next one",
        "activities/sales.py",
        "return desk.get(Order, purchase.purchase_id).attempt > purchase.attempt",
        "return desk.get(Order, purchase.purchase_id).attempt < purchase.attempt",
        f"{STORE}::test_a_late_step_of_a_refused_attempt_leaves_the_next_one_alone",
    ),
    Tooth(
        "an ended order keeps its tickets",
        "activities/sales.py",
        "            ticket.void(desk.at)\n",
        "            ticket.check_void()\n",
        f"{STORE}::test_the_whole_way_back_repeats_without_a_trace",
    ),
    Tooth(
        "a confirmed hold is not taken back",
        "activities/sales.py",
        "            allocation.unconfirm(key, desk.at)\n",
        "",
        f"{STORE}::test_the_whole_way_back_repeats_without_a_trace",
    ),
    Tooth(
        "seats are confirmed without asking for the capture",
        "activities/sales.py",
        "            _order(desk, purchase).request_capture(desk.at)\n",
        "            _order(desk, purchase)\n",
        f"{STORE}::test_a_confirmation_before_the_cancel_refuses_the_cancel",
    ),
    Tooth(
        "a void ticket is issued",
        "domain/ticket.py",
        '        if self.state == "void":\n            raise WrongState("a void ticket is not issued", '
        "ticket_id=self.identity)\n"
        '        if self.state == "reserved":\n',
        '        if self.state != "issued":\n',
        "tests/unit/test_ticket.py::test_an_unpaid_ticket_is_voided_for_good",
    ),
    Tooth(
        "a token is signed for a ticket that nobody paid",
        "domain/ticket.py",
        'return None if self.state == "issued" else',
        'return None if self.state != "void" else',
        "tests/unit/test_ticket.py::test_nothing_is_signed_for_an_unpaid_ticket",
    ),
)
MONEY = (
    Tooth(
        "half a cent is dropped",
        "domain/money.py",
        "return (amount_minor * bps * 2 + BPS_WHOLE) // (BPS_WHOLE * 2)",
        "return amount_minor * bps // BPS_WHOLE",
        "tests/property/test_money_properties.py::test_a_share_is_never_more_than_half_a_cent_off",
    ),
    Tooth(
        "a split loses its odd cents",
        "domain/money.py",
        "        parts[index] += 1\n",
        "        parts[index] += 0\n",
        "tests/property/test_money_properties.py::test_a_split_sums_to_its_amount",
    ),
    Tooth(
        "the venue is not credited",
        "domain/books.py",
        "        (STRIPE_CLEARING, venue_payable(venue_id), price.venue_share_minor),\n",
        "",
        "tests/unit/test_books.py::test_a_sale_owes_the_venue_its_share_and_the_chain_its_tickets",
    ),
    Tooth(
        "a sale is posted before the money is there",
        "activities/books.py",
        ' or payment.state != "captured":',
        ":",
        f"{STORE}::test_the_whole_good_way_repeats_without_a_trace",
    ),
    Tooth(
        "another amount is captured",
        "domain/payment.py",
        "if captured_minor != self.amount_minor:",
        "if captured_minor < 0:",
        "tests/unit/test_payment.py::test_another_amount_than_the_orders_is_not_captured",
    ),
    Tooth(
        "a refund is recorded twice",
        "domain/payment.py",
        '        if self.state == "refunded":\n            return\n'
        '        if self.state != "captured" or amount_minor != self.captured_minor:',
        '        if self.state not in {"captured", "refunded"} or amount_minor != self.captured_minor:',
        "tests/unit/test_payment.py::test_captured_money_is_refunded_once_and_whole",
    ),
    Tooth(
        "money that was taken is not given back",
        "activities/payments.py",
        "            await self._refund(purchase, state)\n",
        "            await self._record(purchase, state)\n",
        f"{SAGA}::test_automatic_capture",
    ),
    Tooth(
        "a payment that still processes counts as let go",
        "activities/payments.py",
        '            raise Weather(f"the intent is {state.status}: it can neither be cancelled nor refunded yet")\n',
        "            return _seen(state)\n",
        f"{SAGA}::test_expiry_while_processing_has_a_limit",
    ),
    Tooth(
        "money that went back buys tickets",
        "activities/payments.py",
        "gone = 0 < state.received_minor <= state.refunded_minor",
        "gone = 0 < state.received_minor < state.refunded_minor",
        f"{SAGA}::test_money_that_went_back_buys_nothing",
    ),
    Tooth(
        "a second attempt pays with the first one's key",
        "activities/payments.py",
        'return f"{purchase.purchase_id}:{verb}:{purchase.attempt}"',
        'return f"{purchase.purchase_id}:{verb}:{activity.info().attempt}"',
        f"{SAGA}::test_a_lost_create_is_repeated_under_its_key",
    ),
    Tooth(
        "a create without its idempotency key",
        "adapters/stripe_gateway.py",
        '                    "expand": EXPAND,\n                },\n                {"idempotency_key": turn_key},\n',
        '                    "expand": EXPAND,\n                },\n                {},\n',
        f"{GATEWAY}::test_create_twice",
    ),
    Tooth(
        "a lost connection counts as a refusal",
        "adapters/stripe_errors.py",
        "        return Weather(words, unknown=writing)\n    if isinstance(error, stripe.RateLimitError):",
        "        return PaymentRefused(words)\n    if isinstance(error, stripe.RateLimitError):",
        f"{GATEWAY}::test_lost_request",
    ),
    Tooth(
        "a forged webhook is taken",
        "adapters/stripe_webhook.py",
        "        stripe.WebhookSignature.verify_header(payload, signature_header, secret, AGE_SECONDS_MAX)\n",
        "",
        "tests/contract/test_stripe_webhooks.py::test_forged",
    ),
    Tooth(
        "an old webhook is taken for a new one",
        "adapters/stripe_webhook.py",
        "signature_header, secret, AGE_SECONDS_MAX)",
        "signature_header, secret, None)",
        "tests/contract/test_stripe_webhooks.py::test_forged",
    ),
)
KERNELS = (
    Tooth(
        "a shield instead of a drain",
        "workflows/saga.py",
        "    task = asyncio.ensure_future(work)\n    while not task.done():",
        "    return await asyncio.shield(asyncio.ensure_future(work))\n    while not task.done():",
        f"{KERNEL}::test_a_cancel_during_compensation_loses_nothing",
    ),
    Tooth(
        "compensations in the order of the steps",
        "workflows/saga.py",
        "            await self._undos[-1]()\n            self._undos.pop()\n",
        "            await self._undos[0]()\n            self._undos.pop(0)\n",
        f"{KERNEL}::test_a_cancel_while_waiting_compensates_in_reverse",
    ),
    Tooth(
        "a cancel is swallowed",
        "workflows/saga.py",
        "    result = await drain(work)\n    raise_if_cancelled()\n",
        "    result = await drain(work)\n",
        f"{KERNEL}::test_a_cancel_during_a_step_waits_for_the_step",
    ),
    Tooth(
        "a bug is compensated",
        "workflows/saga.py",
        "if isinstance(error, FailureError | asyncio.CancelledError):",
        "if error is not None:",
        f"{KERNEL}::test_a_bug_is_never_compensated",
    ),
    Tooth(
        "the pivot is forgotten",
        "workflows/saga.py",
        "        self._undos.clear()\n",
        "        self._undos.reverse()\n",
        f"{KERNEL}::test_after_the_pivot_nothing_is_undone",
    ),
    Tooth(
        "the order's undo is missing",
        "workflows/purchase.py",
        "        saga.undo(lambda: self._end_without_sale(saga))\n",
        "",
        f"{SAGA}::test_expiry",
    ),
    Tooth(
        "the money's undo is missing",
        "workflows/purchase.py",
        "        saga.undo(self._let_the_money_go)\n",
        "",
        f"{SAGA}::test_expiry",
    ),
    Tooth(
        "seats are given back before the money is let go",
        "workflows/purchase.py",
        "        saga.undo(self._let_the_money_go)\n",
        "        saga._undos.insert(0, self._let_the_money_go)\n",
        f"{SAGA}::test_expiry",
    ),
    Tooth(
        "a payment at the last moment is lost",
        "workflows/purchase.py",
        "            if due:\n                hold_until = await self._hold_on(seen, last_extension)\n",
        "            if workflow.now() + timedelta(seconds=1) >= hold_until - timedelta(seconds=19):\n"
        '                raise Refused("hold-expired", "the hold ran out")\n',
        f"{SAGA}::test_paid_at_the_last_moment",
    ),
    Tooth(
        "a declined card ends the purchase",
        "workflows/purchase.py",
        "            if seen.status in LET_GO:\n",
        "            if seen.status in LET_GO or seen.declined:\n",
        f"{SAGA}::test_decline_then_success",
    ),
    Tooth(
        "a processing payment holds seats for ever",
        "workflows/purchase.py",
        'if seen.status != "processing" or now >= last_extension:',
        'if seen.status != "processing":',
        f"{SAGA}::test_expiry_while_processing_has_a_limit",
    ),
    Tooth(
        "one ticket of two is minted",
        "workflows/purchase.py",
        "for ticket_id in ticket_ids),\n        )",
        "for ticket_id in ticket_ids[:1]),\n        )",
        f"{SAGA}::test_happy",
    ),
    Tooth(
        "weather ends a purchase",
        "activities/failures.py",
        "raise ApplicationError(str(weather), type=WEATHER, category=ApplicationErrorCategory.BENIGN) from None",
        "raise ApplicationError(str(weather), type=WEATHER, non_retryable=True) from None",
        f"{SAGA}::test_an_unknown_answer_is_asked_until_known",
    ),
    Tooth(
        "a refusal is tried for ever",
        "activities/failures.py",
        "str(refusal), refusal.data, type=refusal.code, non_retryable=True, category=benign",
        "str(refusal), refusal.data, type=refusal.code, category=benign",
        f"{SAGA}::test_a_buyers_cancel_against_the_capture",
    ),
)
CHAIN = (
    Tooth(
        "bytes are sent before they are stored",
        "activities/minting.py",
        "        signed = await self._chain.sign(spec)\n",
        "        signed = await self._chain.sign(spec)\n        await self._chain.send(signed)\n",
        "tests/unit/test_mint_steps.py::test_bytes_are_stored_before_they_are_sent",
    ),
    Tooth(
        "new bytes are signed while the old ones can still land",
        "activities/minting.py",
        "if signed is None or await self._can_no_longer_land(signed):",
        'if signed is None or await self._chain.fate(signed.signature) == "unknown":',
        "tests/unit/test_mint_steps.py::test_stored_bytes_are_sent_again_and_nothing_is_signed_anew",
    ),
    Tooth(
        "a token that differs counts as ours",
        "activities/minting.py",
        "        if token.problems:\n",
        "        if token.problems and False:\n",
        "tests/unit/test_mint_steps.py::test_a_token_that_differs_is_not_counted",
    ),
    Tooth(
        "a mint address is invented at every try",
        "adapters/token_transaction.py",
        'digest = hmac.new(secret, f"{kind}:{subject_id}".encode(), "sha256").digest()',
        "digest = bytes(Keypair().pubkey())",
        "tests/contract/test_token_chain.py::test_an_address_is_known_before_anything_is_sent[solana]",
    ),
)
STORES = (
    Tooth(
        "an answer before the commit",
        "adapters/ledger.py",
        "self._recorder.datastore.transaction(commit=True) as cursor:",
        "self._recorder.datastore.transaction(commit=False) as cursor:",
        "tests/contract/test_ledger.py::test_what_is_committed_is_read",
    ),
    Tooth(
        "a lost commit counts as one that never was",
        "adapters/ledger.py",
        "with _as_weather(unknown=True), self._recorder",
        "with _as_weather(unknown=False), self._recorder",
        f"{LEDGER}::test_a_connection_cut_in_the_middle_is_unknown_weather",
    ),
    Tooth(
        "a bad decision spoils its batch",
        "adapters/ledger.py",
        "            if len(batch) > 1 and not _is_cut(error):\n",
        "            if len(batch) < 0 and not _is_cut(error):\n",
        f"{LEDGER}::test_a_decision_that_cannot_be_stored_spoils_nobody_elses",
    ),
    Tooth(
        "an edited fact goes unseen",
        "domain/fact.py",
        "        if digest_of(previous, type(fact), dict(vars(fact))) != fact.digest:",
        "        if not fact.digest:",
        "tests/unit/test_fact.py::test_a_fact_edited_with_its_digest_shows_at_the_next_one",
    ),
    Tooth(
        "a failed decision leaves its facts",
        "domain/desk.py",
        "                self._undo(stream, before.get(stream, 0))\n",
        "                self._open.get(stream)\n",
        "tests/unit/test_desk.py::test_a_failing_decision_leaves_nothing_behind",
    ),
    Tooth(
        "two keys run into each other",
        "domain/identity.py",
        'text = "".join(f"{len(part)}:{part}" for part in parts)',
        'text = "".join(parts)',
        "tests/unit/test_identity.py::test_parts_never_run_into_each_other",
    ),
    Tooth(
        "a webhook is taken twice",
        "adapters/side_tables.py",
        "        return cursor.rowcount == 1\n",
        "        return cursor.rowcount >= 0\n",
        "tests/contract/test_read_models.py::test_the_side_tables_keep_and_forget",
    ),
    Tooth(
        "two projectors fold a fact twice",
        "adapters/read_models.py",
        '            cursor.execute("SELECT position FROM rm_position FOR UPDATE")\n            position = cursor',
        '            cursor.execute("SELECT position FROM rm_position")\n            position = cursor',
        "tests/contract/test_read_models.py::test_two_projectors_fold_every_fact_once",
    ),
)
DOORS = (
    Tooth(
        "a hint is marked before anybody heard it",
        "api/starts.py",
        "            if await self._deliver(hint):\n                await self._hints.mark(hint.event_id)\n",
        "            await self._deliver(hint)\n            await self._hints.mark(hint.event_id)\n",
        f"{RELAY}::test_a_hint_waits_for_an_engine_that_is_away",
    ),
    Tooth(
        "late money is dropped",
        "api/starts.py",
        "        return await self._engine.open_case(purchase, hint.intent_id)\n",
        "        return purchase is not None\n",
        f"{RELAY}::test_late_money_for_an_ended_purchase_opens_a_case",
    ),
    Tooth(
        "a running purchase is resumed too early",
        "api/starts.py",
        "patience = self._longest_extension + timedelta(seconds=SETTLE_SECONDS)",
        "patience = timedelta(seconds=SETTLE_SECONDS)",
        f"{RELAY}::test_what_nobody_works_on_any_more_is_resumed",
    ),
    Tooth(
        "the internal API is open to all",
        "api/internal.py",
        "if token is not None and not hmac.compare_digest(",
        "if token is None and not hmac.compare_digest(",
        "tests/unit/test_api_internal.py::test_without_the_token_nothing_is_answered",
    ),
    Tooth(
        "a request without a key",
        "api/requests.py",
        "    if not key:\n        raise Problem(400",
        "    if key == '':\n        raise Problem(400",
        f"{PROBLEMS}::test_a_request_without_a_usable_key_is_refused",
    ),
    Tooth(
        "personal data stays after a refusal",
        "api/purchases.py",
        "        await parts.buyers.forget(buyer_id)\n        raise\n",
        "        raise\n",
        f"{API}::test_a_show_is_not_sold_before_it_stands_on_chain",
    ),
    Tooth(
        "a paid key is answered as a new purchase",
        "api/purchases.py",
        "status = 202 if standing.state in UNANSWERED else 201 if requested.fresh else 200",
        "status = 202 if standing.state in UNANSWERED else 201",
        f"{API}::test_the_same_key_is_the_same_purchase_also_after_it_ended",
    ),
)
TEETH = (*STOCK, *ORDERS, *MONEY, *KERNELS, *CHAIN, *STORES, *DOORS)
