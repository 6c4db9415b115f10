"""The scene of pinning: a round over the files of a venue and its show, and the next one."""

from activities.tokens.pin import PinPage
from tests.matrix.stage import Stage
from workflows.tokens.pinning import PinningWorkflow


async def pinning(stage: Stage) -> str:
    """A round; if it was cancelled, also the next one, as the schedule starts it."""
    await stage.world.open_show()
    await stage.begin("pinning/1", PinningWorkflow.run, PinPage())
    done = await stage.end()
    if done is None or done.pinned == 0:
        await stage.begin("pinning/2", PinningWorkflow.run, PinPage())
        await stage.end()
    return f"pinned {len(stage.world.ipfs.pins)}"
