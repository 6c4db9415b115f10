"""Seeded bugs of the saga: its kernel, its order of steps, its kinds of failure."""

from tests.mutants.mutant import Mutant

SAGA = "tests/workflows/test_purchase.py"
KERNEL = "tests/workflows/core/test_saga.py"

FORBIDDEN = {
    "a clock": '__import__("time").time()',
    "the time of day": "datetime.now()",
    "a random number": '__import__("random").random()',
    "the environment": '__import__("os").environ["PATH"]',
    "a file": "open(__file__)",
}
SANDBOXED = tuple(
    Mutant(
        f"a workflow reads {name}",
        "workflows/purchase.py",
        "        saga = Saga()\n",
        f"        {read}\n        saga = Saga()\n",
        f"{SAGA}::test_happy",
    )
    for name, read in FORBIDDEN.items()
)

INVENTED = "tests/workflows/test_invented_answers.py"
KERNELS = (
    *SANDBOXED,
    Mutant(
        "an invented mint is posted",
        "activities/books/post.py",
        "if not is_void and ticket.mint_address is None:",
        "if False:",
        f"{INVENTED}::test_a_step_of_a_paid_purchase_is_repeated[mint_ticket]",
    ),
    Mutant(
        "an invented capture sells",
        "activities/sales/order.py",
        "            _check_captured(uow, order)\n",
        "",
        f"{INVENTED}::test_a_step_of_a_paid_purchase_is_repeated[capture_payment]",
    ),
    Mutant(
        "an invented release frees the seats of a payment that can be made",
        "activities/sales/order.py",
        "            _check_released(uow, end.purchase)\n",
        "",
        f"{INVENTED}::test_an_unpaid_purchase_is_not_sold[cancel_payment]",
    ),
    Mutant(
        "a shield instead of a drain",
        "workflows/core/saga.py",
        "    task = asyncio.ensure_future(work)\n    while not task.done():",
        "    return await asyncio.shield(asyncio.ensure_future(work))\n    while not task.done():",
        f"{KERNEL}::test_a_cancel_during_compensation_loses_nothing",
    ),
    Mutant(
        "compensations in the order of the steps",
        "workflows/core/saga.py",
        "            await self._undos[-1]()\n            self._undos.pop()\n",
        "            await self._undos[0]()\n            self._undos.pop(0)\n",
        f"{KERNEL}::test_a_cancel_while_waiting_compensates_in_reverse",
    ),
    Mutant(
        "a cancel is swallowed",
        "workflows/core/saga.py",
        "    result = await drain(work)\n    raise_if_cancelled()\n",
        "    result = await drain(work)\n",
        f"{KERNEL}::test_a_cancel_during_a_step_waits_for_the_step",
    ),
    Mutant(
        "a bug is compensated",
        "workflows/core/saga.py",
        "if isinstance(error, FailureError | asyncio.CancelledError):",
        "if error is not None:",
        f"{KERNEL}::test_a_bug_is_never_compensated",
    ),
    Mutant(
        "the pivot is forgotten",
        "workflows/core/saga.py",
        "        self._undos.clear()\n",
        "        self._undos.reverse()\n",
        f"{KERNEL}::test_after_the_pivot_nothing_is_undone",
    ),
    Mutant(
        "the order's undo is missing",
        "workflows/purchase.py",
        "        saga.undo(lambda: self._end_without_sale(saga))\n",
        "",
        f"{SAGA}::test_expiry",
    ),
    Mutant(
        "the money's undo is missing",
        "workflows/purchase.py",
        "        saga.undo(self._release_payment)\n",
        "",
        f"{SAGA}::test_expiry",
    ),
    Mutant(
        "seats are released before the payment",
        "workflows/purchase.py",
        "        saga.undo(self._release_payment)\n",
        "        saga._undos.insert(0, self._release_payment)\n",
        f"{SAGA}::test_expiry",
    ),
    Mutant(
        "a payment at the last moment is lost",
        "workflows/purchase.py",
        "            self._woken, due = False, workflow.now() >= max(hold_until, self._hold_until or hold_until)\n",
        "            if workflow.now() >= hold_until:\n"
        '                raise RefusedStep("hold-expired", "the hold ran out")\n',
        f"{SAGA}::test_paid_at_the_last_moment",
    ),
    Mutant(
        "money that comes past the bank's limit buys nothing",
        "workflows/purchase.py",
        '            if seen.status != "processing":\n                break\n',
        '            if seen.status != "processing":\n                break\n'
        "            if workflow.now() >= until:\n"
        '                raise RefusedStep("hold-expired", "the limit has passed")\n',
        "tests/workflows/test_slow_payments.py::test_a_debit_past_its_limit_needs_an_operator",
    ),
    Mutant(
        "seats of a refused debit stay held for the days that are left",
        "workflows/purchase.py",
        '            if seen.status != "processing":\n                break\n',
        '            if seen.status != "processing" and (seen.status in PAID or workflow.now() >= until):\n'
        "                break\n",
        "tests/workflows/test_slow_payments.py::test_a_debit_that_fails_frees_the_seats_at_once",
    ),
    Mutant(
        "the methods of a show are not sent to Stripe",
        "activities/payments/intent.py",
        "        payment_methods=show.payment_methods,\n",
        "",
        "tests/workflows/test_slow_payments.py::test_only_the_methods_of_the_show_can_pay",
    ),
    Mutant(
        "a declined card ends the purchase",
        "workflows/purchase.py",
        "            if seen.status in LET_GO:\n",
        "            if seen.status in LET_GO or seen.declined:\n",
        f"{SAGA}::test_decline_then_success",
    ),
    Mutant(
        "a processing payment holds seats for ever and nobody is told",
        "workflows/purchase.py",
        "            if workflow.now() >= until:\n",
        "            if False:\n",
        "tests/workflows/test_slow_payments.py::test_a_debit_past_its_limit_needs_an_operator",
    ),
    Mutant(
        "one ticket of two is minted",
        "workflows/purchase.py",
        "*(self._mint(ticket_id) for ticket_id in ticket_ids))",
        "*(self._mint(ticket_id) for ticket_id in ticket_ids[:1]))",
        f"{SAGA}::test_happy",
    ),
    Mutant(
        "a transient error ends a purchase",
        "activities/core/failures.py",
        "                type=PAUSED if isinstance(transient, PausedError) else TRANSIENT,\n                # A local",
        "                type='refused',\n                non_retryable=True,\n            ) from None\n"
        "            raise ApplicationError(\n                TRANSIENT,\n                # A local",
        f"{SAGA}::test_an_unknown_answer_is_asked_until_known",
    ),
    Mutant(
        "a refusal is retried for ever",
        "activities/core/failures.py",
        "str(refusal), refusal.data, type=refusal.code, non_retryable=True, category=benign",
        "str(refusal), refusal.data, type=refusal.code, category=benign",
        "tests/workflows/test_purchase_cancels.py::test_a_buyers_cancel_against_the_capture",
    ),
    Mutant(
        "local tries outlast their workflow task",
        "workflows/core/activity_calls.py",
        "LOCAL = timedelta(seconds=3.5)",
        "LOCAL = timedelta(seconds=5)",
        "tests/workflows/core/test_local_tries.py::test_every_policy_ends_its_local_tries_before_the_task_is_renewed",
    ),
    Mutant(
        "a try begins after the local tries are over",
        "activities/core/failures.py",
        "        _check_in_time(activity.info())\n",
        "",
        "tests/activities/test_failures.py::test_a_local_try_does_not_begin_after_its_time",
    ),
    Mutant(
        "a purchase begun anew forgets that its capture was refused",
        "activities/payments/intent.py",
        'if capture_requested and state.status == "canceled":',
        "if False:",
        "tests/workflows/test_refused_payment.py"
        "::test_an_undo_that_was_cut_off_says_again_that_the_capture_was_refused",
    ),
    Mutant(
        "a query may run ahead of the history",
        "adapters/temporal/query_guard.py",
        "        if self._is_ahead and any(",
        "        if False and any(",
        "tests/workflows/core/test_query_guard.py::test_a_query_that_brings_news_is_refused_before_the_workflow_runs_ahead",
    ),
    Mutant(
        "our workers do not guard their queries",
        "worker.py",
        "workflow_runner=QueryGuard(runner or restricted()),",
        "workflow_runner=runner or restricted(),",
        "tests/workflows/core/test_query_guard.py::test_every_worker_of_ours_has_the_guard",
    ),
)
