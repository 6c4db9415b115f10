"""Seeded bugs about Solana nodes: absence, odd answers, limits, the pool."""

from tests.mutants.mutant import Mutant

ILL_NODES = "tests/contract/test_ill_nodes.py"
ODD_ANSWERS = "tests/adapters/solana/test_odd_answers.py"
POOL = "tests/adapters/solana/test_pool.py"
COALESCING = "tests/adapters/runtime/test_request_coalescing.py"

NODES = (
    Mutant(
        "a token is signed again although a node shows it",
        "activities/tokens/minter.py",
        "return await self._chain.supply_of(address, since) is not None",
        "return await self._chain.read_token(address, spec) is not None",
        "tests/activities/tokens/test_mint.py::test_a_token_that_a_lagging_node_does_not_show_is_not_signed_again",
    ),
    Mutant(
        "a token is signed again by an account of any slot",
        "activities/tokens/minter.py",
        "supply_of(address, since)",
        "supply_of(address)",
        "tests/activities/tokens/test_mint.py::test_a_token_that_a_lagging_node_does_not_show_is_not_signed_again",
    ),
    Mutant(
        "a mint is forgone by an account of any slot",
        "activities/tokens/burn.py",
        "supply_of(signed.mint_address, dead_since or 0)",
        "supply_of(signed.mint_address)",
        "tests/activities/tokens/test_burn.py::test_a_token_that_a_lagging_node_does_not_show_is_not_forgone",
    ),
    Mutant(
        "a mint that is not shown counts as burnt",
        "activities/tokens/burn.py",
        "            if supply is None:\n                raise",
        "            if supply is None:\n                break\n                raise",
        "tests/activities/tokens/test_burn.py::test_a_minted_token_that_a_node_does_not_show_is_not_burnt",
    ),
    Mutant(
        "a status of any slot proves that bytes are dead",
        "adapters/solana/rpc/client.py",
        "        _check_slot(answer.context.slot, slot)\n",
        "",
        f"{ILL_NODES}::test_no_absence_is_concluded_from_nodes_of_different_slots",
    ),
    Mutant(
        "an account of any slot proves its absence",
        "adapters/solana/burning.py",
        "max(since for _, since in asked)",
        "0",
        f"{ILL_NODES}::test_no_absence_is_concluded_from_nodes_of_different_slots",
    ),
    Mutant(
        "bytes expire by the slot",
        "adapters/solana/chain.py",
        "return final.slot if final.height > last_valid_height else None",
        "return final.slot if final.slot > last_valid_height else None",
        f"{ILL_NODES}::test_skipped_slots_expire_no_bytes",
    ),
    Mutant(
        "a failure counts before it is final",
        "adapters/solana/chain.py",
        'has_failed = found.err is not None and _reached(found.confirmation_status) == "finalized"',
        "has_failed = found.err is not None",
        f"{ILL_NODES}::test_a_failure_on_an_abandoned_fork_is_no_failure",
    ),
    Mutant(
        "a moved token is looked for where it was minted",
        "adapters/solana/burning.py",
        "            at = await self._moved_from(at, mint)\n",
        "            at = None\n",
        f"{ILL_NODES}::test_a_moved_token_is_burnt_without_an_index_of_holders",
    ),
    Mutant(
        "reconcile believes a node that lags",
        "adapters/solana/supplies.py",
        "since = await self._client.finalized_slot()",
        "since = 0",
        f"{ILL_NODES}::test_reconcile_does_not_believe_a_node_that_lags",
    ),
    Mutant(
        "reconcile reads only recorded mints",
        "domain/invariants/cross_system.py",
        "for address in (*ticket.addresses, *ticket.signed)}",
        "for address in ticket.addresses}",
        "tests/domain/invariants/test_signed_addresses.py::test_a_ticket_is_judged_at_all_its_addresses",
    ),
    Mutant(
        "a native panic leaves the boundary",
        "adapters/solana/rpc/answers.py",
        "    except BaseException as error:",
        "    except Exception as error:",
        f"{ODD_ANSWERS}::test_a_native_panic_is_a_transient_error",
    ),
    Mutant(
        "the RPC library reads a node's errors",
        "adapters/solana/rpc/answers.py",
        'raise _refusal(envelope["error"], answer.headers)',
        "return _result(answer.body, parser, length, unknown=unknown)",
        f"{POOL}::test_a_limit_in_a_200_is_a_limit",
    ),
    Mutant(
        "a short list is taken",
        "adapters/solana/rpc/answers.py",
        "    if length is not None and len(value or ()) != length:\n",
        "    if False:\n",
        f"{ODD_ANSWERS}::test_every_odd_answer_is_a_transient_error",
    ),
    Mutant(
        "an error of the chain's check counts as a send",
        "adapters/solana/rpc/node.py",
        'raise BadAnswerError(f"the Solana node\'s chain could not be checked: {refused}") from None',
        "raise",
        f"{POOL}::test_an_error_of_the_chains_check_is_none_of_the_send",
    ),
    Mutant(
        "a node of another chain is used",
        "adapters/solana/rpc/node.py",
        "            if genesis != pinned:\n",
        "            if False:\n",
        f"{POOL}::test_a_node_of_another_chain_is_never_used",
    ),
    Mutant(
        "a node that limits is asked again at once",
        "adapters/solana/rpc/node.py",
        "            self._pace(method).pause(limited.seconds)\n",
        "",
        f"{POOL}::test_a_limited_node_rests_as_long_as_it_says",
    ),
    Mutant(
        "an ill node is asked at every call",
        "adapters/solana/rpc/node.py",
        "        if self._failures >= FAILURES_MAX:\n            self._is_checked = False",
        "        if False:\n            self._is_checked = False",
        f"{POOL}::test_an_ill_node_is_left_alone_and_tried_again",
    ),
    Mutant(
        "mints do not wait for their turn to send",
        "adapters/solana/rpc/pool.py",
        "                await asyncio.sleep(self._turns.take())\n",
        "                await asyncio.sleep(0)\n",
        f"{POOL}::test_signers_wait_for_their_turn_to_send",
    ),
    Mutant(
        "repeats of sends stand in the way of first ones",
        "adapters/solana/chain.py",
        "if signed.signature in self._sent and self._client.pool.send_wait() > 0:",
        "if False:",
        f"{POOL}::test_a_repeat_of_a_send_makes_room_for_others",
    ),
    Mutant(
        "a node that names its chain is taken for well",
        "adapters/solana/rpc/node.py",
        "if method != CHECK or self._failures < FAILURES_MAX:",
        "if method:",
        f"{POOL}::test_a_node_that_only_names_its_chain_is_not_well",
    ),
    Mutant(
        "a pace grants every call at once",
        "adapters/solana/rpc/pace.py",
        "        self._free_at = self._now() + wait + self._interval\n",
        "",
        f"{POOL}::test_a_node_is_called_no_faster_than_its_pace",
    ),
    Mutant(
        "a caller of a cancelled shared call waits for ever",
        "adapters/runtime/request_coalescing.py",
        '        _fail(pending.values(), TransientError(f"the shared call ended without an answer: {reason}"))\n',
        "",
        f"{COALESCING}::test_no_caller_waits_for_ever_when_the_shared_call_is_cancelled",
    ),
)
