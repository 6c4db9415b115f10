"""Injects planned faults into a running stack, and ends them."""

import asyncio
import json
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx
import psutil

from devstack.proxy_routes import CONTROL
from devstack.stack import Stack
from tests.chaos.plan import Fault

CALM_SECONDS_MAX = 90.0
LOOK_SECONDS = 0.1
SWITCHED = {"webhook", "stripe-call", "chain", "lie"}
GONE = (psutil.NoSuchProcess, ProcessLookupError)
MODES = {"slow": "slow", "refuse": "refuse", "silent": "silent", "half-open": "half_open"}


class FaultInjector:
    """Injects faults; `struck` counts them by kind, `missed` those whose target was down already."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self._stack = stack
        self._dice = random.Random(seed)  # noqa: S311 - chooses a victim, no secret
        self._http = httpx.AsyncClient(timeout=5, trust_env=False)
        self._frozen: list[psutil.Process] = []
        self._turns: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self.forged_accepted = 0

    async def strike(self, fault: Fault) -> None:
        """Inject a fault, for its duration."""
        name = (
            f"{fault.kind}:{fault.detail}" if fault.kind in {"webhook", "stripe-call", "chain", "lie"} else fault.kind
        )
        by_kind: dict[str, Callable[[Fault], Awaitable[None]]] = {
            "kill": self._kill,
            "backend-kill": self._kill_backend,
            "freeze": self._freeze,
            "webhook": self._break_webhooks,
            "stripe-call": self._break_calls,
            "chain": self._break_chain,
            "lie": self._lie,
            "cut": self._cut,
        }
        try:
            await by_kind.get(fault.kind, self._break_route)(fault)
        except (*GONE, httpx.TransportError):  # any answer but a good one is a fault of the stack's own
            self.missed[name] += 1
        else:
            self.struck[name] += 1

    async def calm(self) -> None:
        """End every fault and wait until each part is healthy."""
        self._thaw(self._frozen)
        async with asyncio.timeout(CALM_SECONDS_MAX):
            await self._until_done(lambda: self._control("/reset"))
            await self._until_done(lambda: self._emulator("DELETE", "/faults"))
            await self._until_done(lambda: self._post(f"{self._stack.urls['solana_rpc']}/_chain/faults", {}))
            # The supervisor sends no event; it writes a file.
            while any(part["state"] != "healthy" for part in self._stack.status["processes"].values()):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_SECONDS)

    async def close(self) -> None:
        """Continue frozen processes."""
        self._thaw(self._frozen)
        await self._http.aclose()

    async def _kill(self, fault: Fault) -> None:
        self._process(fault.target).kill()

    async def _kill_backend(self, fault: Fault) -> None:
        """Kill one connection's process: PostgreSQL drops all others and recovers."""
        backends = [child for child in self._process(fault.target).children() if "boxoffice" in _words(child)]
        if not backends:
            raise ProcessLookupError
        self._dice.choice(backends).kill()

    async def _freeze(self, fault: Fault) -> None:
        parent = self._process(fault.target)
        family = [parent, *parent.children(recursive=True)]
        self._frozen.extend(family)
        for process in family:
            with suppress(*GONE):
                process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(fault.seconds)
        self._thaw(family)

    def _thaw(self, family: list[psutil.Process]) -> None:
        for process in list(family):
            with suppress(*GONE):
                process.send_signal(signal.SIGCONT)
            with suppress(ValueError):
                self._frozen.remove(process)

    def _process(self, name: str) -> psutil.Process:
        pid = self._stack.pid_of(name)
        if pid is None:
            raise ProcessLookupError(name)
        return psutil.Process(pid)

    async def _cut(self, fault: Fault) -> None:
        await self._control(f"/routes/{fault.target}/cut")

    async def _break_route(self, fault: Fault) -> None:
        body = {"mode": MODES[fault.kind], "latency_ms": fault.amount, "jitter_ms": fault.amount // 2}
        self._turns[fault.target] += 1
        turn = self._turns[fault.target]
        await self._control(f"/routes/{fault.target}", body)
        await asyncio.sleep(fault.seconds)
        if self._turns[fault.target] == turn:  # a later fault of the same route ends by itself
            await self._until_done(lambda: self._control(f"/routes/{fault.target}", {}))

    async def _break_calls(self, fault: Fault) -> None:
        await self._emulator("POST", "/faults", {"kind": fault.detail, "path": "/v1/*", "count": fault.amount})

    async def _break_webhooks(self, fault: Fault) -> None:
        if fault.detail == "forged":
            await self._forge(fault.amount)
            return
        await self._emulator("POST", "/faults", {"kind": fault.detail, "event": "*", "count": fault.amount})

    async def _forge(self, count: int) -> None:
        """Post a payment event with an invalid signature."""
        for number in range(count):
            subject = {"object": "payment_intent", "id": f"pi_forged{number}", "metadata": {}, "status": "succeeded"}
            event = {"id": f"evt_forged{number}", "type": "payment_intent.succeeded", "created": 1}
            answer = await self._http.post(
                f"{self._stack.urls['api']}/webhooks/stripe",
                content=json.dumps({**event, "data": {"object": subject}}),
                headers={"Stripe-Signature": f"t=1,v1={'0' * 64}"},
            )
            self.forged_accepted += answer.is_success

    async def _break_chain(self, fault: Fault) -> None:
        await self._post(f"{self._stack.urls['solana_rpc']}/_chain/faults", {fault.detail: fault.amount})

    async def _lie(self, fault: Fault) -> None:
        """Let the node lie for a while; a later switch of it ends the lie earlier, as it sets them all."""
        await self._break_chain(fault)
        await asyncio.sleep(fault.seconds)
        await self._until_done(lambda: self._post(f"{self._stack.urls['solana_rpc']}/_chain/faults", {}))

    async def _control(self, path: str, body: Any = None) -> None:
        await self._post(f"http://127.0.0.1:{self._stack.status['ports'][CONTROL]}{path}", body)

    async def _emulator(self, verb: str, path: str, body: Any = None) -> None:
        url = f"{self._stack.urls['stripe']}/_emulator{path}"
        (await self._http.request(verb, url, json=body)).raise_for_status()

    async def _post(self, url: str, body: Any) -> None:
        (await self._http.post(url, json=body)).raise_for_status()

    @staticmethod
    async def _until_done(call: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await call()
            except httpx.TransportError:
                await asyncio.sleep(LOOK_SECONDS)


def _words(process: psutil.Process) -> str:
    """Return a process's command line; a backend of PostgreSQL has its database in it."""
    with suppress(*GONE):
        return " ".join(process.cmdline())
    return ""
