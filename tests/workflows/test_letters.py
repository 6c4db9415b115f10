"""The workflow of letters on fakes, in skipped time: each letter once, whatever becomes of the others."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from activities.core.task_queues import PURCHASES
from domain.core.ids import DEFAULT_TENANT, order_ref_of
from domain.orders.personal_data import PersonalData
from domain.views.outgoing.letters import Letter, MailAnswer
from tests.fakes.identity import purchase_id_of
from tests.fakes.operator import seen_by_operator
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.time_skipping import skipping_time
from tests.fakes.world import SagaWorld
from tests.workflows.buyer import paid
from workflows.core.reasons import Reason
from workflows.outgoing.letters import AWAY_AFTER, LettersInput, LetterWorkflow

KEYS = ("one", "two", "three")
AWAY, TAKEN = MailAnswer("away", "timeout"), MailAnswer("sent")
Handle = WorkflowHandle[LetterWorkflow, int]


async def letters_wait(world: SagaWorld, client: Client, *keys: str) -> None:
    """Sell an order for each key; each buyer named an address, and waits for the tickets."""
    assert await world.letters.due(await world.server.get_current_time(), 1) == []  # the first look begins here
    await world.open_show()
    for key in keys:
        purchase_id = purchase_id_of(DEFAULT_TENANT, key)
        for buyer_id in ("by", f"by_{key}"):  # the orders of this world have one buyer
            await world.buyers.keep(buyer_id, DEFAULT_TENANT, purchase_id, PersonalData(email="ann@example.org"), ())
        handle, _ = await world.buy(client, key, 1)
        await paid(world, handle, key)
        await world.ended(handle)
        # Once nothing is left to do the server skips ten years: events of before would be too old for letters.
        assert await world.letters.due(world.store._clock(), 10)
    now = await world.server.get_current_time()
    world.letters.rows = {key: replace(row, first_at=now) for key, row in world.letters.rows.items()}


async def start(client: Client, **more: Any) -> Handle:
    return await client.start_workflow(
        LetterWorkflow.run,
        LettersInput(**more),
        id="letters",
        task_queue=PURCHASES,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )


def is_of(letter: Letter, key: str) -> bool:
    return order_ref_of(purchase_id_of(DEFAULT_TENANT, key)) in letter.text


def states(world: SagaWorld) -> Counter[str]:
    return Counter(row.state for row in world.letters.rows.values())


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the mail server is no task
            await asyncio.sleep(0.02)


async def test_each_order_gets_its_letter_once(world: SagaWorld, client: Client) -> None:
    """A second start finds nothing to do."""
    await letters_wait(world, client, *KEYS)
    assert await (await start(client)).result() == len(KEYS)
    assert await (await start(client)).result() == 0
    assert [sum(is_of(letter, key) for _, letter in world.mail.taken) for key in KEYS] == [1, 1, 1]
    assert states(world) == {"sent": len(KEYS)}


async def test_one_bad_address_never_stops_the_others(world: SagaWorld, client: Client) -> None:
    """One is refused for good, and one for now; the third arrives, and the workflow ends meanwhile."""
    await letters_wait(world, client, *KEYS)
    bad = {"one": MailAnswer("refused", "550"), "two": MailAnswer("later", "451")}
    world.mail.answers = lambda _, letter: next((bad[key] for key in bad if is_of(letter, key)), TAKEN)
    assert await (await start(client)).result() == 1
    assert states(world) == {"sent": 1, "refused": 1, "due": 1}


async def test_an_outage_of_the_mail_server_holds_all_and_loses_none(world: SagaWorld, client: Client) -> None:
    """One letter is tried at a time, more and more rarely; an operator sees it; then all are sent once."""
    await letters_wait(world, client, *KEYS)
    tried = list[str]()

    def answers(_: str, letter: Letter) -> MailAnswer:
        tried.append(letter.message_id)
        return AWAY

    world.mail.answers = answers
    handle = await start(client)
    async with skipping_time(world.server):
        await until(lambda: len(tried) > len(KEYS) + AWAY_AFTER + 2)
    seen = await seen_by_operator(handle)
    assert seen.stage == "retrying"
    assert [need.reason for need in seen.needs] == [Reason.OUTAGE]
    world.mail.answers = lambda _, __: TAKEN
    assert await handle.result() == len(KEYS)
    assert len(world.mail.taken) == len(KEYS)
    assert not (await seen_by_operator(handle)).needs


async def test_an_operator_ends_the_pause(world: SagaWorld, client: Client) -> None:
    """Without waiting for its end."""
    await letters_wait(world, client, "one")
    world.mail.answers = lambda _, __: AWAY
    with world.server.auto_time_skipping_disabled():
        handle = await start(client, failures=10, first_failed_at=1.0)
        await until(lambda: world.mail.tried)
        world.mail.answers = lambda _, __: TAKEN
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (view := await seen_by_operator(handle)).stage != "retrying":  # noqa: ASYNC110 - a query
                await asyncio.sleep(0.05)
        act = {"operator": "ann", "reason": "it is back", "stage": view.stage}
        assert await handle.execute_update("retry_now", act) == "It is tried now."
        assert await handle.result() == 1
