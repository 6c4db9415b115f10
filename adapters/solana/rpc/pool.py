"""The pool of Solana nodes: each call goes to the node that is free first, and to the next one when it fails."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Self

from solders.rpc.responses import GetEpochInfoResp

from adapters.solana.rpc.answers import LimitedError, RefusedError
from adapters.solana.rpc.node import (
    FAILURES_MAX,
    SEND,
    Node,
    NodeConfig,
    NodeHealth,
    NodeLimits,
    Observe,
    PinChain,
    WrongChainError,
    method_of,
    now,
)
from adapters.solana.rpc.pace import Pace
from adapters.telemetry.traces import outside_call
from domain.core.transient import TransientError

TURN_SECONDS_MAX = 60.0
PATIENCE_SECONDS = 3600.0  # less than a step on the chain may take
LOOK_SECONDS = 0.25  # at most, between looks whether a node takes calls again

Nodes = Iterable[tuple[str, int]]


class FirstSeenChain:
    """Pins the first chain seen, for processes that have no database: all nodes of a pool are of one chain."""

    def __init__(self) -> None:
        self._pinned = ""

    async def __call__(self, genesis: str) -> str:
        """Return the pinned genesis hash."""
        self._pinned = self._pinned or genesis
        return self._pinned


class NodePool:
    """Several nodes as one. Every call ends in a result of the type asked for, TransientError or WrongChainError.

    While no node takes calls, a call waits for one, in turn, for at most `patience_seconds`: whoever came first goes on
    first, and an outage fails nothing that has this patience. So does a call that a limit refuses, but no send.
    """

    @classmethod
    def of(
        cls,
        nodes: Nodes,
        limits: tuple[float, float],
        pin: PinChain,
        observe: Observe = lambda _: None,
        patience_seconds: float = 0.0,
    ) -> Self:
        """Return the pool of these URLs and weights; the limits are calls and sends a second."""
        return cls([NodeConfig(*node) for node in nodes], NodeLimits(*limits), pin, observe, patience_seconds)

    def __init__(
        self,
        nodes: Sequence[NodeConfig],
        limits: NodeLimits,
        pin: PinChain | None = None,
        observe: Observe = lambda _: None,
        patience_seconds: float = 0.0,
    ) -> None:
        self._limits = limits
        self._patience = patience_seconds
        self._line = asyncio.Lock()
        shared = pin or FirstSeenChain()
        self._nodes = [Node(config, limits, shared, observe) for config in nodes]
        self._sending = asyncio.Lock()
        self._turns = Pace(limits.sends_per_second * len(nodes), now)
        self._waiting = 0
        self._credits = dict.fromkeys(self._nodes, 0)

    def health(self) -> list[NodeHealth]:
        """Return the health of each node."""
        return [node.health for node in self._nodes]

    def send_wait(self) -> float:
        """Return the seconds until a send may be made; raise TransientError while no node takes calls."""
        if not (waits := self._waits(SEND)):
            raise self._without_result(None, unknown=False)
        return min(waits)

    def _waits(self, method: str) -> list[float]:
        """Return the seconds until each node that takes calls may be asked for a method."""
        return [wait for node in self._nodes if (wait := node.wait(method)) is not None]

    async def turn_to_send(self) -> None:
        """Wait, in order, until a send may be made. Sign afterwards: bytes that wait for a send would expire."""
        self._waiting += 1
        until = now() + self._patience
        try:
            async with asyncio.timeout(max(TURN_SECONDS_MAX, self._patience)), self._sending:
                await asyncio.sleep(self._turns.take())
                await self._node_again(until)
                while (wait := self.send_wait()) > 0:  # a pause may become longer meanwhile
                    await asyncio.sleep(wait)
                    await self._node_again(until)
        except TimeoutError:
            raise TransientError(f"the Solana nodes' limit of sends: {self._waiting} transactions wait") from None
        finally:
            self._waiting -= 1

    async def make_request(self, body: Any, parser: Any) -> Any:
        """Call the nodes one after another until one gives a result."""
        return (await self.call(body, parser))[0]

    async def call(self, body: Any, parser: Any) -> tuple[Any, Node]:
        """Return the result and the node that gave it. A send that failed is not repeated here: it may have landed."""
        until, failures, method = now() + self._patience, 0, method_of(body)
        while True:
            await self._node_again(until)
            try:
                with outside_call("solana", method):
                    return await self._call_each(body, parser)
            except TransientError as error:
                rest = min(self._waits(method), default=0.0)
                is_limited = isinstance(error, LimitedError) or rest > self._limits.timeout_seconds
                failures += not (is_limited or self._is_down())  # in an outage the next one opens the circuit
                is_final = isinstance(error, RefusedError) or method == SEND
                if is_final or failures >= FAILURES_MAX or now() >= until:
                    raise
                if is_limited:
                    await asyncio.sleep(max(0.0, min(rest, until - now())))

    async def _node_again(self, until: float) -> None:
        """Wait, in turn, until a node takes calls, but no longer than until then."""
        if not self._is_down() or now() >= until:
            return
        async with self._line:
            while self._is_down() and now() < until:  # noqa: ASYNC110 - a circuit tells of nothing
                await asyncio.sleep(min(LOOK_SECONDS, *(node.opens_in() for node in self._nodes)))

    def _is_down(self) -> bool:
        """Return whether no node takes calls; one of another chain is none to wait for."""
        ours = [node for node in self._nodes if not node.is_of_wrong_chain]
        return bool(ours) and all(node.opens_in() for node in ours)

    async def _call_each(self, body: Any, parser: Any) -> tuple[Any, Node]:
        """Call the nodes one after another until one gives a result."""
        method, tried, unknown = method_of(body), set[Node](), False
        failed: Exception | None = None
        while len(tried) < len(self._nodes):
            node = self._choose(method, tried)
            if node is None:
                break
            tried.add(node)
            await asyncio.sleep(node.take(method))
            try:
                return await node.call(body, parser), node
            except (TransientError, WrongChainError) as error:
                # Beside a node that is ill, one of another chain is not the reason.
                failed = failed if isinstance(error, WrongChainError) and failed is not None else error
                unknown = unknown or getattr(error, "unknown", False)
                if method == SEND and isinstance(error, RefusedError) and not error.is_behind:
                    break  # other nodes would refuse these bytes as well
        raise self._without_result(failed, unknown=unknown)

    async def call_at(self, node: Node, body: Any, parser: Any) -> Any:
        """Call one node: the one whose answer before this one continues."""
        method = method_of(body)
        wait = node.wait(method)
        if wait is None or wait > self._limits.timeout_seconds:
            raise TransientError(f"the Solana node {node.health.name} takes no calls now")
        await asyncio.sleep(node.take(method))
        return await node.call(body, parser)

    async def newest(self, body: Any) -> int:
        """Return the highest slot in the epoch information of all nodes that take calls."""
        asked = (self.call_at(node, body, GetEpochInfoResp) for node in self._nodes)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        slots: list[int] = [found.value.absolute_slot for found in answers if not isinstance(found, BaseException)]
        if not slots:
            raise next(error for error in answers if isinstance(error, BaseException))
        return max(slots)

    async def close(self) -> None:
        """Close all connections."""
        for node in self._nodes:
            await node.close()

    def _choose(self, method: str, tried: set[Node]) -> Node | None:
        """Return the node with the shortest wait; of equal ones each in turn, by weight. None when none is free."""
        waits = {node: wait for node in self._nodes if node not in tried and (wait := node.wait(method)) is not None}
        soonest = min(waits.values(), default=0.0)
        if not waits or soonest > self._limits.timeout_seconds:
            return None
        free = [node for node, wait in waits.items() if wait <= soonest]
        for node in free:
            self._credits[node] += node.weight
        chosen = max(free, key=lambda node: self._credits[node])
        self._credits[chosen] -= sum(node.weight for node in free)
        return chosen

    def _without_result(self, failed: Exception | None, *, unknown: bool) -> Exception:
        if all(node.is_of_wrong_chain for node in self._nodes):
            return failed or WrongChainError(f"no Solana node is of this deployment's chain: {self._troubles()}")
        if failed is None or isinstance(failed, WrongChainError):
            has_waited = self._patience > 0 and self._is_down()
            return TransientError(f"no Solana node takes calls now: {self._troubles()}", has_waited=has_waited)
        if unknown and isinstance(failed, TransientError):
            failed.unknown = True
        return failed

    def _troubles(self) -> str:
        return "; ".join(f"{node.health.name}: {node.health.trouble or 'limited'}" for node in self._nodes)
