"""Every loop over subjects takes each by itself; a loop that awaits elsewhere has a reason."""

from tests.architecture.loops import awaiting_loops, marked_bodies

ITS_OWN_WAIT = "retries one wait of the process; there are no subjects"
ONE_SUBJECT = "parts of one subject: without one of them there is no result for it"
READS = "reads only; the caller is asked again as a whole"
NODES = "ways to one answer: an ill node is passed over, and the breaker sets it aside"
# This list may only shrink: a new loop over subjects goes through `Each` or `each_alone`.
ELSEWHERE = {
    "activities/core/loops.py: each_alone": "the loop over subjects itself",
    "adapters/event_store/commit_queue.py: CommitQueue.take_batch": ITS_OWN_WAIT,
    "adapters/postgres/connections.py: BoundedConnection.wait": ITS_OWN_WAIT,
    "adapters/privacy/rotation.py: Rotation._seal_batch": "sets aside a row that does not open, within a transaction",
    "adapters/read_models/money/statement.py: _page": READS,
    "adapters/runtime/request_coalescing.py: BatchLoader._load_pending": "a batch fails for its callers, who ask again",
    "adapters/solana/minting.py: TokenMinter._load_funds": READS,
    "adapters/solana/minting.py: TokenMinter._price": READS,
    "adapters/solana/minting.py: MintHistory.minted_by": READS,
    "adapters/solana/supplies.py: ChainSupplies._mints": READS,
    "adapters/solana/burning.py: TokenBurner._moved_from": READS,
    "adapters/solana/rpc/node.py: Node.wait": ITS_OWN_WAIT,
    "adapters/solana/rpc/pace.py: Pace.take": ITS_OWN_WAIT,
    "adapters/solana/rpc/pool.py: NodePool._choose": NODES,
    "adapters/solana/rpc/pool.py: NodePool.call_at": NODES,
    "adapters/solana/rpc/pool.py: NodePool.close": NODES,
    "adapters/solana/rpc/pool.py: NodePool.newest": NODES,
    "adapters/solana/rpc/pool.py: NodePool._waits": ITS_OWN_WAIT,
    "adapters/stripe/listing.py: StripeListing.accounts": READS,
    "adapters/stripe/listing.py: StripeListing.own_account": READS,
    "adapters/stripe/listing.py: StripeListing.own_movements": READS,
    "relay/each.py: repeat": ITS_OWN_WAIT,
    "adapters/stripe/undelivered_events.py: UndeliveredEvents.undelivered": READS,
    "relay/each.py: Each.run": "the loop over subjects itself",
    "relay/relay.py: Relay.tick": "tasks, not subjects: each has its own guard, and runs again in the next tick",
    "relay/retention.py: Retention._erase_kind": "batches of one kind of data",
    "relay/workflow_client.py: _consume_exception": ITS_OWN_WAIT,
    "workflows/core/runs/each.py: WorkflowEach.run": "the loop over subjects itself",
    "workflows/core/saga.py: gather_all": "runs all to their ends before it raises",
    "workflows/payouts.py: TransfersWorkflow.run": "slices of a page; each order of a slice goes through Each",
    "workflows/purchase.py: PurchaseWorkflow._settle_and_mint": ONE_SUBJECT,
    "workflows/refund.py: RefundWorkflow.run": ONE_SUBJECT,
    "workflows/show_cancellation.py: ShowCancellationWorkflow._refund_all": "a workflow for each; stuck ones make room",
}


def test_every_loop_over_subjects_takes_each_by_itself() -> None:
    """A loop, comprehension or gather that awaits goes through `Each`, or stands in the list with its reason."""
    assert awaiting_loops() - set(ELSEWHERE) == set(), "mark its body with each_subject and run it with Each"


def test_the_list_of_other_loops_only_shrinks() -> None:
    """A loop that is gone is deleted from the list, and the list is no longer than it was."""
    assert set(ELSEWHERE) - awaiting_loops() == set()
    assert len(ELSEWHERE) <= 33


def test_there_are_loops() -> None:
    """The collection is not empty: relay, workflows and activities have marked bodies."""
    assert all(list(marked_bodies(room)) for room in ("relay", "workflows", "activities"))
