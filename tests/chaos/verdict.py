"""After the chaos run: every purchase has ended, every buyer was answered, and all sums agree, or it is a violation."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from temporalio.client import WorkflowExecutionStatus

from settings import read_settings
from tests.chaos.buyers import REFUSALS, Story
from tests.chaos.totals import Totals, unsent
from tests.real.shop import ENDS, WHERE_IT_LIES, Shop, is_of

AT_ONCE = 12
LOOK_SECONDS = 0.5
SOON_SECONDS = 10.0
RUNNING = WorkflowExecutionStatus.RUNNING
OUR_BUGS = ("unexpected error in request", "activity failed with an unexpected error", "failed; continuing")
BUGS = re.compile("|".join((*OUR_BUGS, "Failed activation", "never retrieved")))
Document = dict[str, Any]


class BrokenRule(NamedTuple):
    """A broken invariant and its subject; `came_at` is the second at which the buyer came."""

    who: str
    what: str
    came_at: float | None = None


class Court:
    """Judges one day's shows and stories."""

    def __init__(self, shops: Sequence[Shop], stories: Sequence[Story], folder: Path) -> None:
        self._shops = shops
        self._stories = stories
        self._folder = folder
        self._gate = asyncio.Semaphore(AT_ONCE)
        self.violations: list[BrokenRule] = []
        self.ends: dict[str, Document] = {}
        self.invariants_checked = 0
        self.ended_at: dict[str, float] = {}
        self._done: set[str] = set()
        self.totals: Totals | None = None

    async def wait_for_ends(self, seconds: float) -> None:
        """Wait until every purchase has ended; those that have not by then are violations."""
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(self._end_of(story) for story in self._stories))
        except TimeoutError:
            for story in (one for one in self._stories if one.purchase_id not in self._done):
                seen = self.ends.get(story.purchase_id)
                if seen is not None and seen["state"] in ENDS and not is_over(story, seen):
                    self._blame(
                        story,
                        f"has an unfinished refund or dispute after {seconds:g} s: {seen['refunds']}, {story.decided}",
                    )
                elif seen is None or seen["state"] not in ENDS:
                    self._blame(story, f"has not ended after {seconds:g} s: {seen and seen['state']}")
                else:
                    self._blame(story, f"has ended, but its buyer still waited after {seconds:g} s: {story.decided}")

    async def wait_for_settlement(self, seconds: float) -> None:
        """Wait until every due share was transferred; the rest is a violation."""
        settings, until = read_settings(self._shops[0].stack.env), time.monotonic() + seconds
        # Read from the events: nothing announces a transfer.
        while (remaining := unsent(settings)) and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)
        self.violations += [BrokenRule(f"venue {venue}", what) for venue, what in remaining.items()]

    async def judge(self) -> None:
        """Check every invariant, at rest."""
        for story in self._stories:
            self._check_story(story)
        await asyncio.gather(*(self._check_show(number, shop) for number, shop in enumerate(self._shops)))
        await self._check_invariants()
        self.totals = await Totals.of(read_settings(self._shops[0].stack.env))
        self.violations += [BrokenRule("the day's money", fault) for fault in self.totals.faults]
        await self._check_engine()
        self._check_logs()

    def _blame(self, story: Story, what: str) -> None:
        buyer = story.buyer
        who = f"{story.purchase_id} (buyer {buyer.number}, {buyer.temper})"
        self.violations.append(BrokenRule(who, what, buyer.at))

    def last_to_end(self, count: int) -> list[tuple[Story, float]]:
        """Return the last stories to end with their times (monotonic), latest first."""
        known = [
            (story, self.ended_at[story.purchase_id]) for story in self._stories if story.purchase_id in self.ended_at
        ]
        return sorted(known, key=lambda item: -item[1])[:count]

    @property
    def ends_by_kind(self) -> Counter[str]:
        """Ends of the purchases; a request that was refused at once has no record."""
        found = [self.ends.get(story.purchase_id) for story in self._stories]
        return Counter("refused at once" if end is None else end["state"] for end in found)

    async def _end_of(self, story: Story) -> None:
        await self._seen_to_end(story)
        self._done.add(story.purchase_id)

    async def _seen_to_end(self, story: Story) -> None:
        shop = self._shops[story.buyer.show]
        while True:
            async with self._gate:
                answer = await shop.http.get(f"/api/v1/purchases/{story.purchase_id}")
            if answer.is_success:
                self.ends[story.purchase_id] = answer.json()
                # A buyer who is still there may try again under the same key, and a refused purchase begins anew.
                if story.left_at and is_over(story, self.ends[story.purchase_id]):
                    self.ended_at[story.purchase_id] = time.monotonic()
                    return
            elif answer.status_code == httpx.codes.NOT_FOUND and story.left_at and story.last_answer in REFUSALS:
                return  # refused at once: nothing was recorded
            await asyncio.sleep(LOOK_SECONDS)

    def _check_story(self, story: Story) -> None:
        """Compare a buyer's answers with the purchase's end."""
        for unexpected in story.unexpected:
            self._blame(story, unexpected)
        if story.last_answer is None:
            self._blame(story, "was never answered")
        end = self.ends.get(story.purchase_id)
        state = end["state"] if end else "refused"
        if story.cancelled and state == "fulfilled":
            self._blame(story, "was sold after its cancel was accepted")
        if story.last_answer in REFUSALS and state == "fulfilled":
            self._blame(story, f"was refused with {story.last_answer}, and sold")
        if state == "fulfilled" and not story.paid:
            self._blame(story, "was sold without a payment")

    async def _check_show(self, number: int, shop: Shop) -> None:
        mine = [story for story in self._stories if story.buyer.show == number and story.purchase_id in self.ends]
        ends = [self.ends[story.purchase_id] for story in mine]
        sold = [end for end in ends if end["state"] == "fulfilled"]
        seats = sum(line["quantity"] for end in sold for line in end["lines"])
        stock = (await shop.show())["ticket_types"][0]
        wanted = {"sold": seats, "held": 0, "available": shop.capacity - seats}
        found = {name: stock[name] for name in wanted}
        if found != wanted:
            self.violations.append(
                BrokenRule(f"show {shop.show_id}", f"stock is {found}, expected {wanted} by its sales")
            )
        balance = await shop.get(f"/api/v1/venues/{shop.venue_id}/balance")
        share = sum(end["price"]["subtotal_minor"] - end["price"]["discount_minor"] for end in sold)
        back = [line for end in sold for refund in end["refunds"] for line in end["postings"] if is_of(line, refund)]
        share -= sum(line["amount"] for line in back if line["debit"].startswith("venue:"))
        lost = [line for end in sold for line in end["postings"] if line["key"].endswith(":lost")]
        share -= sum(line["amount"] for line in lost if line["debit"].startswith("venue:"))
        owed = sum(line[name] for line in balance["balances"] for name in WHERE_IT_LIES)
        if owed != share:
            self.violations.append(
                BrokenRule(f"venue {shop.venue_id}", f"balance is {owed}, expected {share} by its sales")
            )
        mints = Counter(ticket["mint_address"] for end in sold for ticket in end["tickets"])
        if len(mints) != seats:
            self.violations.append(BrokenRule(f"show {shop.show_id}", f"{len(mints)} tokens for {seats} seats"))

    async def _check_invariants(self) -> None:
        """Check every invariant, at each commit of the day and at rest, as `boxoffice reconcile` does."""
        try:
            findings = (await self._shops[0].at_rest(set(self.ends))).findings
        except AssertionError as restless:
            self.violations.append(BrokenRule("reconcile", str(restless)))
            return
        self.invariants_checked = sum(findings.checked.values())
        self.violations += [
            BrokenRule(subject, f"{invariant}: {detail}") for invariant, subject, detail in findings.violations
        ]

    async def _check_engine(self) -> None:
        """Check that no workflow runs on; one that has just begun, as the schedule's rounds, ends soon."""
        engine = await self._shops[0].engine()
        async for run in engine.list_workflows("ExecutionStatus = 'Running'"):
            until = time.monotonic() + SOON_SECONDS
            while (
                is_running := (await engine.get_workflow_handle(run.id, run_id=run.run_id).describe()).status == RUNNING
            ):
                if time.monotonic() > until:
                    break
                await asyncio.sleep(LOOK_SECONDS)
            if is_running:
                self.violations.append(BrokenRule(run.id, "its workflow still runs"))

    def _check_logs(self) -> None:
        """Check that no program logged an unexpected error."""
        for name in ("worker", "api", "projector"):
            log = self._folder / "logs" / f"{name}.log"
            lines = [line for line in log.read_text(errors="replace").splitlines() if BUGS.search(line)]
            if lines:
                self.violations.append(
                    BrokenRule(f"{name}.log", f"{len(lines)} unexpected errors, first: {lines[0][:300]}")
                )


def is_over(story: Story, end: Document) -> bool:
    """Whether a purchase has ended, and its refund too: the money has arrived and no void ticket has a token."""
    arrived = [one["refund_id"] for one in end["refunds"] if one["state"] == "succeeded"]
    void = [ticket["token"] for ticket in end["tickets"] if ticket["state"] == "void"]
    back = story.refund_id is None or (story.refund_id in arrived and set(void) <= {"burnt", "none"})
    decided = story.decided is None or any(line["event"] == f"dispute.{story.decided}" for line in end["timeline"])
    unsold = all(one["state"] == "succeeded" for one in end["refunds"] if one.get("intent_id"))
    return end["state"] in ENDS and back and decided and unsold
