"""One workflow in four builds: before a change, with it, with it behind a flag, and with the flag deprecated."""

from datetime import timedelta

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from workflows.core.patches import Patch

NOTE_FIRST = Patch("note-first")


@activity.defn(name="note")
async def note(word: str) -> str:
    return word


async def noted(word: str) -> str:
    return await workflow.execute_activity(note, word, start_to_close_timeout=timedelta(seconds=5))


@workflow.defn(name="Changing")
class Before:
    """Notes `done`."""

    @workflow.run
    async def run(self) -> list[str]:
        return [await noted("done")]


@workflow.defn(name="Changing")
class Unflagged:
    """Waits before it notes `done`, without a flag."""

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.sleep(1)
        return ["waited", await noted("done")]


@workflow.defn(name="Changing")
class Flagged:
    """Waits before it notes `done`, unless the run is older than the flag."""

    @workflow.run
    async def run(self) -> list[str]:
        if NOTE_FIRST.on():
            await workflow.sleep(1)
            return ["waited", await noted("done")]
        return [await noted("done")]


@workflow.defn(name="Changing")
class Deprecated:
    """Waits before it notes `done`; no older run is left."""

    @workflow.run
    async def run(self) -> list[str]:
        NOTE_FIRST.deprecate()
        await workflow.sleep(1)
        return ["waited", await noted("done")]
