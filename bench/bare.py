"""The bare workflow: three regular and three local activities that do nothing, one update and one signal."""

from datetime import timedelta

from temporalio import activity, workflow

QUEUE = "bench"
PATIENCE = timedelta(seconds=30)


@activity.defn(name="bench_nothing")
async def nothing() -> None:
    """Do nothing."""


async def _regular() -> None:
    await workflow.execute_activity(nothing, start_to_close_timeout=PATIENCE)


async def _local() -> None:
    await workflow.execute_local_activity(nothing, start_to_close_timeout=PATIENCE)


@workflow.defn(name="BareWorkflow")
class BareWorkflow:
    """Takes a purchase's way with nothing on it: open after a step, wait for a signal, end after the rest."""

    def __init__(self) -> None:
        self._is_open = False
        self._is_paid = False

    @workflow.run
    async def run(self) -> None:
        """Take the steps."""
        await _local()
        await _regular()
        self._is_open = True
        await workflow.wait_condition(lambda: self._is_paid)
        await _regular()
        await _local()
        await _regular()
        await _local()

    @workflow.update(name="open_checkout")
    async def open_checkout(self) -> str:
        """Answer when the first half is done."""
        await workflow.wait_condition(lambda: self._is_open)
        return "open"

    @workflow.signal(name="pay")
    def pay(self) -> None:
        """Go on with the second half."""
        self._is_paid = True


@workflow.defn(name="BareOpening")
class BareOpening:
    """Opens a checkout with one regular activity, and ends."""

    def __init__(self) -> None:
        self._is_open = False

    @workflow.run
    async def run(self) -> None:
        """Take the step, and let who waits have the answer."""
        await _regular()
        self._is_open = True
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.update(name="open_checkout")
    async def open_checkout(self) -> str:
        """Answer when the step is done."""
        await workflow.wait_condition(lambda: self._is_open)
        return "open"
