"""The scene of letters: the tickets of an order on their way to its buyer."""

from datetime import UTC, datetime

from adapters.postgres.letters import SENDING
from domain.core.ids import DEFAULT_TENANT
from domain.orders.personal_data import PersonalData
from tests.fakes.identity import purchase_id_of
from tests.fakes.time_skipping import release_time
from tests.matrix.scenes import Scene, sale
from tests.matrix.stage import Stage
from workflows.outgoing.letters import LettersInput, LetterWorkflow

STARTS_MAX = 4


async def letters(stage: Stage) -> str:
    """One letter arrives; if it comes again, it says so. What is left is sent after the relay's next start."""
    world = stage.world
    assert await world.letters.due(datetime.now(UTC), 1) == []  # the first look begins here
    ann = PersonalData(email="ann@example.org")
    await world.buyers.keep("by", DEFAULT_TENANT, purchase_id_of(DEFAULT_TENANT, "key"), ann, ())
    assert await sale(stage) == "fulfilled"
    for _ in range(STARTS_MAX):
        await stage.begin("letters", LetterWorkflow.run, LettersInput())
        if await stage.end() is None and stage.faults.ran[-1] == "send_letter":  # it was cancelled in the middle of it
            await release_time(stage.server, 1)
        if world.letters.rows and all(row.state not in ("due", "sending") for row in world.letters.rows.values()):
            break
        await stage.server.sleep(SENDING)
    first, *more = [letter for _, letter in world.mail.taken]
    assert all(letter.message_id == first.message_id and "this letter twice" in letter.text for letter in more)
    assert "this letter twice" not in first.text or not more
    return f"{first.subject}: {', '.join(row.state for row in world.letters.rows.values())}"


SCENES = (
    Scene("letters", LetterWorkflow, ("list_due_letters", "send_letter"), "Your tickets for Show: sent", letters),
)  # fmt: skip
