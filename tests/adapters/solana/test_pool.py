"""The pool of nodes: who is called, how often, what opens a circuit, and whose chain is ours."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from adapters.solana.chain import SolanaTokenChain
from adapters.solana.rpc.answers import LimitedError, pause_seconds
from adapters.solana.rpc.client import NO_LIMITS, NodeClient
from adapters.solana.rpc.node import FAILURES_MAX, NodeConfig, NodeLimits, WrongChainError
from adapters.solana.rpc.pool import PATIENCE_SECONDS, NodePool
from domain.core.transient import TransientError
from domain.tickets.token import SignedTransaction
from tests.adapters.solana.odd_node import GENESIS, OddNode, error, odd_node, reply
from tests.adapters.solana.test_odd_answers import TRANSACTION
from workflows.core.activity_calls import MINT_POLICY

GOOD = reply({"context": {"slot": 1}, "value": 5})
OTHER_CHAIN = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"


@pytest.fixture
async def nodes() -> AsyncIterator[list[OddNode]]:
    async with AsyncExitStack() as closing:
        made = [await closing.enter_async_context(odd_node()) for _ in range(2)]
        for node in made:
            node.answers["getBalance"] = GOOD
        yield made


def _client(nodes: list[OddNode], limits: NodeLimits = NO_LIMITS, weights: tuple[int, ...] = (1, 1)) -> NodeClient:
    return NodeClient(
        NodePool([NodeConfig(node.url, weight) for node, weight in zip(nodes, weights, strict=False)], limits)
    )


async def _balance(client: NodeClient) -> int:
    return (await client.get_balance(Pubkey.default())).value


async def test_calls_are_shared_by_weight(nodes: list[OddNode]) -> None:
    """A node of weight three gets three of four calls."""
    client = _client(nodes, weights=(3, 1))
    for _ in range(40):
        assert await _balance(client) == 5
    await client.close()
    assert [Counter(node.calls)["getBalance"] for node in nodes] == [30, 10]


async def test_an_ill_node_is_left_alone_and_tried_again(nodes: list[OddNode], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call succeeds at the other node; after failures in a row the ill one is asked only now and then."""
    monkeypatch.setattr("adapters.solana.rpc.node.OPEN_SECONDS", 60.0)
    monkeypatch.setattr("adapters.solana.rpc.node.OPEN_SECONDS_MAX", 60.0)
    client = _client(nodes)
    nodes[0].answers["getBalance"] = (500, "")
    for _ in range(20):
        assert await _balance(client) == 5
    assert Counter(nodes[0].calls)["getBalance"] == FAILURES_MAX
    ill, well = client.pool.health()
    assert (ill.trouble, well.trouble) == ("the Solana node answered HTTP 500", "")
    client.pool._nodes[0]._open_until = 0.0  # its time has passed
    nodes[0].answers["getBalance"] = GOOD
    for _ in range(4):
        assert await _balance(client) == 5
    assert Counter(nodes[0].calls)["getBalance"] > FAILURES_MAX
    assert client.pool.health()[0].trouble == ""
    await client.close()


async def test_a_node_that_only_names_its_chain_is_not_well(
    nodes: list[OddNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One trial that fails opens its circuit again, for longer, though the check of its chain before it succeeded."""
    monkeypatch.setattr("adapters.solana.rpc.node.OPEN_SECONDS", 60.0)
    monkeypatch.setattr("adapters.solana.rpc.node.OPEN_SECONDS_MAX", 240.0)
    client = _client(nodes)
    nodes[0].answers["getBalance"] = (500, "")
    for trials in range(3):
        client.pool._nodes[0]._open_until = 0.0  # its time has passed
        for _ in range(20):
            assert await _balance(client) == 5
        assert Counter(nodes[0].calls) == {"getBalance": FAILURES_MAX + trials, "getGenesisHash": 1 + trials}
        assert client.pool._nodes[0].opens_in() > 60.0 * 2**trials - 10
    await client.close()


async def test_the_health_of_a_node_is_told(nodes: list[OddNode], caplog: pytest.LogCaptureFixture) -> None:
    """After each call; a node that falls ill, and one that is well again, is logged once, without its key."""
    told: list[tuple[int, int, str]] = []
    pool = NodePool(
        [NodeConfig(f"{nodes[0].url}/?key=hush")],
        NO_LIMITS,
        observe=lambda one: told.append((one.calls, one.failures, one.trouble)),
    )
    client = NodeClient(pool)
    for answer in (GOOD, (500, ""), (500, ""), GOOD):
        nodes[0].answers["getBalance"] = answer
        with suppress(TransientError):
            await _balance(client)
    await client.close()
    ill = "the Solana node answered HTTP 500"
    assert told == [(1, 0, ""), (2, 0, ""), (3, 1, ill), (4, 2, ill), (5, 2, "")]
    assert [record.message.partition(": ")[2] for record in caplog.records] == [ill, "well again"]
    assert "hush" not in caplog.text


async def test_without_a_well_node_a_call_fails_at_once(nodes: list[OddNode]) -> None:
    """All circuits are open: no node is called, and the error names each node's trouble, without its key."""
    client = NodeClient(NodePool([NodeConfig(f"{nodes[0].url}/?key=hush")], NO_LIMITS))
    nodes[0].answers["getBalance"] = (503, "")
    for _ in range(FAILURES_MAX + 2):
        with pytest.raises(TransientError) as raised:
            await _balance(client)
    await client.close()
    assert Counter(nodes[0].calls)["getBalance"] == FAILURES_MAX
    assert "takes calls now" in str(raised.value)
    assert "HTTP 503" in str(raised.value)
    assert "hush" not in str(raised.value)


async def test_a_node_is_called_no_faster_than_its_pace(nodes: list[OddNode]) -> None:
    """Ten calls at twenty a second take half a second at least; another method has a pace of its own."""
    client = _client(nodes[:1], NodeLimits(calls_per_second=20))
    nodes[0].answers["getMinimumBalanceForRentExemption"] = reply(1)
    now = asyncio.get_running_loop().time
    began = now()
    await asyncio.gather(*(_balance(client) for _ in range(10)))
    assert now() - began >= 0.45
    began = now()
    await client.get_minimum_balance_for_rent_exemption(1)
    assert now() - began < 0.4
    await client.close()


async def test_a_limited_node_rests_as_long_as_it_says(nodes: list[OddNode]) -> None:
    """While it rests the other one is called; alone, the call fails rather than ask again."""
    client = _client(nodes, NodeLimits(calls_per_second=1_000, timeout_seconds=1))
    nodes[0].answers["getBalance"] = (429, "")
    nodes[0].heads["getBalance"] = "retry-after: 30\r\n"
    for _ in range(10):
        assert await _balance(client) == 5
    await client.close()
    assert Counter(nodes[0].calls)["getBalance"] == 1
    alone = _client(nodes[:1], NodeLimits(calls_per_second=1_000, timeout_seconds=1))
    with pytest.raises(LimitedError):
        await _balance(alone)
    with pytest.raises(TransientError, match="takes calls now"):
        await _balance(alone)
    await alone.close()
    assert Counter(nodes[0].calls)["getBalance"] == 2


@pytest.mark.parametrize("timeout_seconds", [1, 0.05], ids=["a short pause", "a pause longer than a call may take"])
async def test_a_patient_pool_waits_for_a_limited_node(nodes: list[OddNode], timeout_seconds: float) -> None:
    """However often it refuses: a limit is no failure. Who reads ten thousand tokens meets it again and again."""
    limits = NodeLimits(calls_per_second=1_000, timeout_seconds=timeout_seconds)
    client = NodeClient(NodePool([NodeConfig(nodes[0].url)], limits, patience_seconds=20))
    well = nodes[0].answers["getBalance"]
    nodes[0].answers["getBalance"] = (429, "")
    nodes[0].heads["getBalance"] = "retry-after: 0.1\r\n"
    reading = asyncio.create_task(_balance(client))
    while Counter(nodes[0].calls)["getBalance"] < FAILURES_MAX + 2:
        assert not reading.done()
        await asyncio.sleep(0.02)
    nodes[0].answers["getBalance"] = well
    assert await asyncio.wait_for(reading, 20) == 5
    await client.close()
    short = NodeClient(NodePool([NodeConfig(nodes[0].url)], limits, patience_seconds=0.3))
    nodes[0].answers["getBalance"] = (429, "")
    with pytest.raises(TransientError):
        await asyncio.wait_for(_balance(short), 20)
    await short.close()


@pytest.mark.parametrize("code", [429, -32429, -32019])
async def test_a_limit_in_a_200_is_a_limit(code: int, nodes: list[OddNode]) -> None:
    """Some providers refuse by a code in a good HTTP answer: the node rests all the same."""
    client = _client(nodes[:1], NodeLimits(calls_per_second=1_000, timeout_seconds=1))
    nodes[0].answers["getBalance"] = error(code)
    with pytest.raises(LimitedError):
        await _balance(client)
    with pytest.raises(TransientError, match="takes calls now"):
        await _balance(client)
    await client.close()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("1e9", 300.0),
        ("nan", 10.0),
        ("soon", 10.0),
        ("Mon, 30 Nov 2026 00:00:20 GMT", 20.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(text: str, seconds: float) -> None:
    """An unreadable one is a usual pause; none is longer than five minutes."""
    assert pause_seconds({"Retry-After": text}, datetime(2026, 11, 30, tzinfo=UTC)) == seconds


async def test_a_node_of_another_chain_is_never_used(nodes: list[OddNode]) -> None:
    """Beside a good node it is left out; alone it is a wrong configuration, which is no transient error."""
    nodes[0].answers["getGenesisHash"] = reply(OTHER_CHAIN)

    async def pinned(_: str) -> str:
        return GENESIS

    client = NodeClient(NodePool([NodeConfig(node.url) for node in nodes], NO_LIMITS, pinned))
    for _ in range(5):
        assert await _balance(client) == 5
    await client.close()
    assert nodes[0].calls == ["getGenesisHash"]
    alone = NodeClient(NodePool([NodeConfig(nodes[0].url)], NO_LIMITS, pinned))
    for _ in range(2):
        with pytest.raises(WrongChainError, match=GENESIS):
            await _balance(alone)
    await alone.close()
    assert "getBalance" not in nodes[0].calls


async def test_an_error_of_the_chains_check_is_none_of_the_send(nodes: list[OddNode]) -> None:
    """A node that answers everything with "already processed" has sent nothing."""
    nodes[0].answers |= {"getGenesisHash": error(-32002, "This transaction has already been processed")}
    chain = SolanaTokenChain(nodes[0].url, bytes(Keypair()), b"s")
    signed = SignedTransaction(mint_address="m", signature="s", wire_base64="AAAA", last_valid_block_height=1)
    with pytest.raises(TransientError):
        await chain.send(signed)
    await chain.close()
    assert "sendTransaction" not in nodes[0].calls


async def test_a_send_that_one_node_may_have_passed_on_is_unknown(nodes: list[OddNode]) -> None:
    """The first node loses the answer, the second refuses: the effect is unknown all the same."""
    nodes[0].answers["sendTransaction"] = (502, "")
    nodes[1].answers["sendTransaction"] = error(-32005, "behind")
    client = _client(nodes)
    with pytest.raises(TransientError) as raised:
        await client.send_raw_transaction(bytes(TRANSACTION))
    await client.close()
    assert raised.value.unknown
    assert [node.calls.count("sendTransaction") for node in nodes] == [1, 1]


async def test_signers_wait_for_their_turn_to_send(nodes: list[OddNode]) -> None:
    """Five turns at ten sends a second take nearly half a second, in order; without a well node there is no turn."""
    pool = NodePool([NodeConfig(nodes[0].url)], NodeLimits(sends_per_second=10))
    order: list[int] = []

    async def wait(number: int) -> None:
        await pool.turn_to_send()
        order.append(number)

    now = asyncio.get_running_loop().time
    began = now()
    await asyncio.gather(*(wait(number) for number in range(5)))
    assert (order, now() - began >= 0.35) == (list(range(5)), True)
    nodes[0].answers["getBalance"] = (500, "")
    client = NodeClient(pool)
    for _ in range(FAILURES_MAX):
        with pytest.raises(TransientError):
            await _balance(client)
    with pytest.raises(TransientError, match="takes calls now"):
        await pool.turn_to_send()
    await client.close()


async def test_a_patient_pool_outlives_an_outage_in_order(
    nodes: list[OddNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While no node takes calls, reads and turns to send wait; whoever came first goes first, and none has failed."""
    monkeypatch.setattr("adapters.solana.rpc.node.OPEN_SECONDS", 0.2)
    pool = NodePool([NodeConfig(nodes[0].url)], NO_LIMITS, patience_seconds=20)
    client, order, well = NodeClient(pool), list[int](), dict(nodes[0].answers)
    nodes[0].answers.clear()

    async def read(number: int) -> None:
        await _balance(client)
        order.append(number)

    first = asyncio.create_task(_balance(client))
    while len(nodes[0].calls) < FAILURES_MAX + 1:  # noqa: ASYNC110 - the first trial has failed too
        await asyncio.sleep(0.02)
    reading = [asyncio.create_task(read(number)) for number in range(6)]
    sending = asyncio.create_task(pool.turn_to_send())
    await asyncio.sleep(0.05)
    asked = len(nodes[0].calls)
    assert not any(task.done() for task in (first, *reading, sending))
    nodes[0].answers |= well
    await asyncio.wait_for(asyncio.gather(first, *reading, sending), 20)
    assert order == sorted(order)
    assert len(nodes[0].calls) - asked <= len(reading) + 2
    await client.close()


async def test_patience_has_an_end(nodes: list[OddNode], monkeypatch: pytest.MonkeyPatch) -> None:
    """Then an operator should know: the error says that the outage has been waited for."""
    monkeypatch.setattr("adapters.solana.rpc.node.OPEN_SECONDS", 60.0)
    monkeypatch.setattr("adapters.solana.rpc.node.OPEN_SECONDS_MAX", 60.0)
    pool = NodePool([NodeConfig(node.url) for node in nodes], NO_LIMITS, patience_seconds=0.4)
    client = NodeClient(pool)
    for node in nodes:
        node.answers["getBalance"] = (500, "")
    for call in (_balance(client), pool.turn_to_send()):
        with pytest.raises(TransientError, match="takes calls now") as raised:
            await call
        assert raised.value.has_waited
    await client.close()


def test_a_step_may_take_longer_than_the_pool_is_patient() -> None:
    """The engine ends no step that waits in line; a killed worker is noticed by its heartbeats."""
    assert MINT_POLICY.start_to_close.total_seconds() >= PATIENCE_SECONDS + 600
    assert MINT_POLICY.heartbeat.total_seconds() < 10


async def test_no_node_of_another_chain_is_waited_for(nodes: list[OddNode]) -> None:
    """A wrong configuration is told at once."""

    async def pin(_: str) -> str:
        return OTHER_CHAIN

    client = NodeClient(NodePool([NodeConfig(node.url) for node in nodes], NO_LIMITS, pin, patience_seconds=60))
    for _ in range(2):
        with pytest.raises(WrongChainError):
            await asyncio.wait_for(_balance(client), 5)
    await client.close()


async def test_beside_an_ill_node_one_of_another_chain_is_not_the_reason(nodes: list[OddNode]) -> None:
    """The call fails as transient: a wrong node beside a right one is no wrong configuration of the deployment."""

    async def pin(_: str) -> str:
        return GENESIS

    nodes[1].answers["getGenesisHash"] = reply(OTHER_CHAIN)
    client = NodeClient(NodePool([NodeConfig(node.url) for node in nodes], NO_LIMITS, pin))
    assert await _balance(client) == 5
    nodes[0].answers.clear()
    for _ in range(2 * FAILURES_MAX):
        with pytest.raises(TransientError):
            await _balance(client)
    await client.close()


async def test_a_turn_that_does_not_come_is_a_transient_error(
    nodes: list[OddNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says how many transactions wait, so that an operator can raise the limit."""
    monkeypatch.setattr("adapters.solana.rpc.pool.TURN_SECONDS_MAX", 0.1)
    pool = NodePool([NodeConfig(nodes[0].url)], NodeLimits(sends_per_second=0.1))
    await pool.turn_to_send()
    with pytest.raises(TransientError, match="1 transactions wait"):
        await pool.turn_to_send()


async def test_a_repeat_of_a_send_makes_room_for_others(nodes: list[OddNode]) -> None:
    """The first send of any bytes is made; a repeat only while no turn is waited for."""
    nodes[0].answers["sendTransaction"] = reply(str(TRANSACTION.signatures[0]))
    chain = SolanaTokenChain(
        NodePool([NodeConfig(nodes[0].url)], NodeLimits(sends_per_second=5)), bytes(Keypair()), b"s"
    )
    signed = [
        SignedTransaction(mint_address="m", signature=name, wire_base64="AAAA", last_valid_block_height=1)
        for name in ("one", "two")
    ]
    for one in (signed[0], signed[0], signed[1], signed[1]):
        await chain.send(one)
    assert nodes[0].calls.count("sendTransaction") == 2
    await asyncio.sleep(0.25)
    await chain.send(signed[0])
    await chain.close()
    assert nodes[0].calls.count("sendTransaction") == 3
