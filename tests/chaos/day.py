"""One bad day from beginning to end: a stack, the buyers, the chaos run, the calm and the verdict."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from devstack.proxy_routes import BUYERS
from devstack.stack import running_stack
from tests.chaos.buyers import CALL_SECONDS, Story, Visit
from tests.chaos.fault_injector import FaultInjector
from tests.chaos.operator import Operator
from tests.chaos.payouts import pay_out
from tests.chaos.plan import HOLD_SECONDS, Deed, Plan, Spell
from tests.chaos.receiver import Receiver, missing, receiving
from tests.chaos.totals import Totals
from tests.chaos.up import UP
from tests.chaos.verdict import BrokenRule, Court
from tests.real.shop import Shop

# By this time after the last fault all parts are healthy and every purchase has ended.
REST_SECONDS_MAX = 120.0
SETTINGS = {
    "BOXOFFICE_SAGA__POLL_SECONDS": "5",
    "BOXOFFICE_PAYOUTS__EVERY_SECONDS": "5",
    "BOXOFFICE_PAYOUTS__DELAY_SECONDS": "0",
    "BOXOFFICE_PAYOUTS__MINIMUM_MINOR": "1",
    "BOXOFFICE_WEBHOOKS__ALLOW_PRIVATE": "true",
}
EFFECT_SECONDS = 10.0
SLOWEST_SHOWN, SLOW_SECONDS = 3, 10.0


@dataclass
class Summary:
    """The result of a day."""

    seed: int
    seconds: float
    purchases: int = 0
    opened_seconds: float = 0.0
    rest_seconds: float = 0.0
    judged_seconds: float = 0.0
    invariants_checked: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    refunds: int = 0
    disputes: Counter[str] = field(default_factory=Counter)
    strikes: Counter[str] = field(default_factory=Counter)
    payouts: int = 0
    acts: Counter[str] = field(default_factory=Counter)
    webhooks: Counter[str] = field(default_factory=Counter)
    totals: dict[str, int] = field(default_factory=dict)
    restarts: Counter[str] = field(default_factory=Counter)
    slowest: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def line(self) -> str:
        """Return the last line: counts only."""
        faults = ", ".join(f"{count} {kind}" for kind, count in sorted(self.faults.items()))
        ends = ", ".join(f"{count} {kind}" for kind, count in sorted(self.ends.items()))
        strikes = ", ".join(f"{count} {kind}" for kind, count in sorted(self.strikes.items())) or "none"
        acts = ", ".join(f"{count} {what}" for what, count in sorted(self.acts.items()))
        webhooks = ", ".join(f"{count} {what}" for what, count in sorted(self.webhooks.items()))
        return (
            f"chaos run seed={self.seed} {self.seconds:g} s: {self.purchases} purchases ({ends});"
            f" {self.refunds} refunds, {self.disputes['won']} disputes won, {self.disputes['lost']} lost,"
            f" {self.payouts} payouts; struck: {strikes};"
            f" an operator acted: {acts};"
            f" webhooks of a bad receiver: {webhooks};"
            f" {self._money()};"
            f" {sum(self.faults.values())} faults ({faults}), {sum(self.missed.values())} missed;"
            f" open after {self.opened_seconds:.1f} s, at rest {self.rest_seconds:.1f} s after the chaos run,"
            f" judged in {self.judged_seconds:.1f} s by {self.invariants_checked} checks of invariants;"
            f" {len(self.violations)} violations"
        )

    def _money(self) -> str:
        return Totals(**self.totals).line() if self.totals else "no totals"


async def run_day(plan: Plan, folder: Path) -> Summary:
    """Run a whole day in a folder, and leave no process behind."""
    first = time.monotonic()
    async with running_stack(folder, env=SETTINGS, up=UP) as stack, AsyncExitStack() as closing:
        shops = [await closing.enter_async_context(Shop.at(stack)) for _ in plan.seats]
        receiver = await closing.enter_async_context(receiving(shops[0]))
        for shop, seats in zip(shops, plan.seats, strict=True):
            await _open(shop, seats)
        injector = FaultInjector(stack, plan.seed)
        closing.push_async_callback(injector.close)
        keys = [f"chaos-{plan.seed}-{buyer.number}" for buyer in plan.buyers]
        named = [shops[0].id_of_key("pu", key) for key in keys]
        stories = [Story(*story) for story in zip(plan.buyers, keys, named, strict=True)]
        summary = Summary(plan.seed, plan.seconds, len(stories), faults=injector.struck, missed=injector.missed)
        summary.opened_seconds = (began := time.monotonic()) - first
        deadline = began + plan.seconds + REST_SECONDS_MAX
        at_buyers = f"http://127.0.0.1:{stack.status['ports'][BUYERS]}"
        http = await closing.enter_async_context(_client(at_buyers, stack.key))
        till = await closing.enter_async_context(_client(stack.urls["stripe"], {}))
        court, calm, aftermaths = Court(shops, stories, folder), asyncio.Event(), iter(plan.aftermaths)
        summary.acts = (operator := Operator(shops[0])).done
        async with asyncio.TaskGroup() as group:
            group.create_task(_inject_and_rest(plan, injector, began, court, calm))
            for deed in plan.deeds:
                group.create_task(_act(operator, deed, began + deed.at))
            for spell in plan.spells:
                group.create_task(_suffer(receiver, spell, began + spell.at))
            for story in stories:
                waits: dict[str, Any] = {"deadline": deadline, "calm": calm, "aftermaths": aftermaths}
                visit = Visit(story, shops[story.buyer.show], http, till, **waits)
                group.create_task(_visit(visit, began + story.buyer.at))
        summary.rest_seconds = time.monotonic() - began - plan.seconds
        summary.payouts, wrong = await pay_out(shops)
        court.violations += [BrokenRule("payouts", fault) for fault in wrong]
        court.violations += [BrokenRule("webhooks", fault) for fault in await missing(receiver, shops[0])]
        summary.webhooks = receiver.counts + Counter(taken=len(receiver.taken))
        await court.judge()
        summary.judged_seconds = time.monotonic() - deadline + REST_SECONDS_MAX - summary.rest_seconds
        if injector.forged_accepted:
            court.violations.append(BrokenRule("webhooks", f"{injector.forged_accepted} forged ones were accepted"))
        summary.invariants_checked = court.invariants_checked
        summary.ends = court.ends_by_kind
        summary.refunds = sum(story.refund_id is not None for story in stories)
        summary.disputes = Counter(story.decided for story in stories if story.decided is not None)
        summary.strikes = Counter(story.struck for story in stories if story.struck is not None)
        summary.totals = court.totals._asdict() if court.totals else {}
        summary.restarts = Counter({name: part["restarts"] for name, part in stack.status["processes"].items()})
        summary.slowest = [*_late(court, deadline - REST_SECONDS_MAX)]
        summary.violations = [_described(violation, plan) for violation in court.violations]
    return summary


async def _open(shop: Shop, seats: int) -> None:
    """Put a show on sale, at a venue with an account."""
    await shop.open(capacity=seats, hold_seconds=HOLD_SECONDS)
    onboarded = (await shop.post(f"/api/v1/venues/{shop.venue_id}/onboarding", {})).json()
    assert onboarded["state"] == "ready", onboarded


def _client(url: str, headers: dict[str, str]) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url, headers=headers, timeout=CALL_SECONDS, trust_env=False, limits=httpx.Limits(max_connections=200)
    )


async def _inject_and_rest(
    plan: Plan, injector: FaultInjector, began: float, court: Court, calm: asyncio.Event
) -> None:
    """Inject the planned faults; after the chaos run end them all and wait for every purchase's end."""
    async with asyncio.TaskGroup() as group:
        for fault in plan.faults:
            await _until(began + fault.at)
            group.create_task(injector.strike(fault))
        await _until(began + plan.seconds)
    await injector.calm()
    calm.set()
    deadline = began + plan.seconds + REST_SECONDS_MAX
    await court.wait_for_ends(max(1.0, deadline - time.monotonic()))
    await court.wait_for_settlement(max(1.0, deadline - time.monotonic()))


async def _act(operator: Operator, deed: Deed, moment: float) -> None:
    await _until(moment)
    await operator.do(deed)


async def _suffer(receiver: Receiver, spell: Spell, moment: float) -> None:
    await _until(moment)
    await receiver.suffer(spell)


async def _visit(visit: Visit, comes_at: float) -> None:
    await _until(comes_at)
    await visit.run()
    visit.story.left_at = time.monotonic()


async def _until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.monotonic()))


def _late(court: Court, over: float) -> Iterator[str]:
    """Describe the last purchases to end, if they took long after the chaos run."""
    for story, ended_at in court.last_to_end(SLOWEST_SHOWN):
        if ended_at > over + SLOW_SECONDS:
            state, after = court.ends[story.purchase_id]["state"], ended_at - over
            who = f"{story.purchase_id} ({story.buyer.temper}, came at {story.buyer.at} s)"
            left = story.left_at - over
            yield f"slow: {who} was {state} {after:.1f} s after the chaos run, its buyer left at {left:.1f} s"


def _described(violation: BrokenRule, plan: Plan) -> str:
    """Describe a violation, with the numbers of the faults that its purchase may have met."""
    text = f"{violation.who}: {violation.what}"
    if violation.came_at is None:
        return text
    until = violation.came_at + HOLD_SECONDS
    met = [
        f"#{n}"
        for n, fault in enumerate(plan.faults)
        if fault.at <= until and fault.at + EFFECT_SECONDS >= violation.came_at
    ]
    place = f"#{met[0]} to #{met[-1]}" if met else "none"
    return f"{text} [seed {plan.seed}, came at {violation.came_at} s, faults {place}]"
