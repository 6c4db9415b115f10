"""One of three subjects fails for ever: in every loop of workflows and activities the others have their turn."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.core.loops import each_alone, each_subject, loop_of
from activities.core.setbacks import Setback
from activities.core.task_queues import PURCHASES
from activities.payouts.ports import VenueRef
from activities.refunds.cancel_show import ShowCancellationActivities, ShowPage
from activities.sales.ticket_api_holds import MakeReservation
from activities.tokens.metadata import cid_of
from activities.tokens.pin import PinActivities, PinPage
from activities.tokens.rotate import ChainKeyRotation
from adapters.stripe.errors import StripeRequestError
from domain.catalog.line import Line
from domain.core.transient import TransientError
from domain.stock.reservation import Reservation
from domain.tickets.token import SignedTransaction, TransactionFate
from domain.views.outgoing.letters import MailAnswer
from tests.architecture.loops import marked_bodies
from tests.fakes.pinning_node import FakePinningNode, FoldedFiles
from tests.fakes.samples import SIGNED
from tests.fakes.show_reads import FoldedShows
from tests.fakes.world import SagaWorld
from tests.workflows.buyer import paid
from tests.workflows.test_letters import is_of, letters_wait
from tests.workflows.test_letters import start as start_letters
from workflows.core.search_attributes import NEEDS_OPERATOR
from workflows.payouts import TransfersInput, TransfersResult, TransfersWorkflow

FAR = 1e12  # the year 33658
SHARE = 2000  # of two tickets


async def send(client: Client, name: str, set_aside: dict[str, Setback] | None = None) -> TransfersResult:
    start = TransfersInput(delay_seconds=0, minimum_minor=1, set_aside=set_aside or {})
    return await client.execute_workflow(TransfersWorkflow.run, start, id=name, task_queue=PURCHASES)


async def shares_are_sent(world: SagaWorld, client: Client) -> None:
    """The bad share is set aside with its reason, needs an operator, waits for its pause, and is sent when mended."""
    await world.open_show()
    for key in ("a", "b", "c"):
        handle, _ = await world.buy(client, key)
        await paid(world, handle, key)
        await world.ended(handle)
    venue = VenueRef(tenant_id="default", venue_id="ve")
    await ActivityEnvironment().run(world.payouts.connect_account, venue)
    bad = sorted([(await world.ref(key)).purchase_id for key in ("a", "b", "c")])[1]
    world.connect.broken[bad] = StripeRequestError("an answer that nobody knows")
    done = await send(client, "transfers")
    assert (done.orders, done.sent, done.refused) == (2, {"eur": 2 * SHARE}, 0)
    assert (await client.get_workflow_handle("transfers").describe()).typed_search_attributes[NEEDS_OPERATOR] is True
    known = [(name, one.tries, one.pause, one.reason) for name, one in done.set_aside.items()]
    assert known == [(bad, 1, 60, "bug: StripeRequestError")]
    aside = {bad: Setback(3, 240.0, FAR)}
    again = await send(client, "soon", aside)
    assert (again.orders, again.set_aside) == (0, aside)
    world.connect.broken.clear()
    mended = await send(client, "mended")
    assert (mended.sent, mended.set_aside) == ({"eur": SHARE}, {})


async def holds_are_released(world: SagaWorld, client: Client) -> None:
    """The hold that cannot be released is left to its own end."""
    await world.open_show()
    lines = [Line(ticket_type_id="tt", quantity=1)]
    for name in ("re_1", "re_2", "re_3"):
        hold = MakeReservation(tenant_id="default", reservation_id=name, show_id="sh", lines=lines, hold_seconds=600)
        await world.holds.reserve(hold)
    store: Any = BrokenOnce(world.store, at=2)
    released = ShowCancellationActivities(store, FoldedShows(world.store)).end_open_holds
    assert await ActivityEnvironment().run(released, ShowPage(show_id="sh")) == 3
    names = ("re_1", "re_2", "re_3")
    found = await world.store.read(lambda uow: [uow.get(Reservation, name) for name in names])
    states = [hold.state for hold in found]
    assert states == ["released", "held", "released"]
    await ActivityEnvironment().run(
        ShowCancellationActivities(world.store, FoldedShows(world.store)).end_open_holds, ShowPage(show_id="sh")
    )


class BrokenOnce:
    """An event store whose commit of this number fails as by a bug."""

    def __init__(self, store: Any, at: int) -> None:
        self._store, self._at, self._commits = store, at, 0
        self.read = store.read

    async def commit(self, decide: Any, reads: Any = ()) -> Any:
        self._commits += 1
        if self._commits == self._at:
            raise RuntimeError("broken")
        return await self._store.commit(decide, reads)


async def files_are_pinned(world: SagaWorld, client: Client) -> None:
    """The file that the node does not take is left to the next round."""
    await world.open_show()
    files = FoldedFiles(world.store)
    waiting = [cid for cid, _ in await files.unpinned("", 10)]
    assert len(waiting) > 2
    node: Any = BrokenFor(FakePinningNode(), waiting[1])
    report = await ActivityEnvironment().run(PinActivities(world.store, files, node).pin_files, PinPage())
    assert (report.pinned, report.failed, report.failure) == (len(waiting) - 1, 1, "a file that it does not know")
    assert [cid for cid, _ in await files.unpinned("", 10)] == [waiting[1]]


class BrokenFor:
    """A node of IPFS that fails for one file as by a bug."""

    def __init__(self, node: FakePinningNode, bad: str) -> None:
        self._node, self._bad = node, bad
        self.is_pinned = node.is_pinned

    async def pin(self, content: bytes) -> str:
        if cid_of(content) == self._bad:
            raise RuntimeError("a file that it does not know")
        return await self._node.pin(content)


class Rotating:
    """A chain with three mints that retired keys still have a say over; for one of them no hand-over can be signed."""

    def __init__(self, bad: str) -> None:
        self.retired = {name: (name, "authority") for name in ("m1", "m2", "m3")}
        self._bad = bad

    async def retired_authorities(
        self, addresses: Sequence[str], *, final: bool
    ) -> tuple[list[tuple[str, str]], list[str]]:
        del final
        return [self.retired[name] for name in addresses if name in self.retired], []

    async def sign_hand_over(self, moves: Sequence[tuple[str, str]]) -> tuple[SignedTransaction, int]:
        if moves[0][0] == self._bad:
            raise RuntimeError("a mint that it does not know")
        return SIGNED.model_copy(update={"mint_address": moves[0][0]}), 1

    async def send(self, signed: SignedTransaction) -> None:
        self.retired.pop(signed.mint_address, None)

    async def fate(self, signature: str) -> TransactionFate:
        del signature
        return "finalized"

    async def dead_since(self, signed: SignedTransaction) -> int | None:
        del signed
        return None


async def keys_are_rotated(world: SagaWorld, client: Client) -> None:
    """The mint whose hand-over fails is left with its retired key; the others are handed over."""
    del world, client
    chain, left = Rotating("m1"), list[int]()
    rotation = ChainKeyRotation(chain, left.append)
    found = await rotation.rotate(list(chain.retired))
    assert (found.handed_over, found.left, left[-1]) == (2, 1, 1)
    assert list(chain.retired) == ["m1"]


async def letters_are_sent(world: SagaWorld, client: Client) -> None:
    """The letter that its receiver refuses stays in the table, and the others arrive."""
    await letters_wait(world, client, "one", "two", "three")
    world.mail.answers = lambda _, letter: MailAnswer("later", "451") if is_of(letter, "one") else MailAnswer("sent")
    assert await (await start_letters(client)).result() == 2
    assert Counter(row.state for row in world.letters.rows.values()) == {"sent": 2, "due": 1}


CASES: dict[str, Callable[[SagaWorld, Client], Awaitable[None]]] = {
    "send shares": shares_are_sent,
    "release holds of a cancelled show": holds_are_released,
    "pin files": files_are_pinned,
    "send letters": letters_are_sent,
    "rotate_keys": keys_are_rotated,
}
LOOPS = {loop_of(body).name for room in ("workflows", "activities") for body in marked_bodies(room)}


@pytest.mark.parametrize("name", sorted(LOOPS))
async def test_one_bad_subject_never_stops_the_others(name: str, world: SagaWorld, client: Client) -> None:
    """Each loop that exists has a case."""
    assert name in CASES, f"the loop {name!r} has no case: add one to CASES"
    await CASES[name](world, client)


def test_every_case_is_of_a_loop() -> None:
    """A loop that is gone leaves no case."""
    assert set(CASES) <= LOOPS


async def test_an_outage_of_all_is_not_the_subjects_own() -> None:
    """When nothing succeeds because of a transient error, the caller tries again."""

    @each_subject("work")
    async def away(_: Any, subject: str) -> None:
        raise TransientError("away")

    class Work:
        one = away

    with pytest.raises(TransientError):
        await each_alone(Work().one, ["a", "b"])
    await each_alone(Work().one, [])
