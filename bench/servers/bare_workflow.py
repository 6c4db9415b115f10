"""A workflow shaped like a purchase without its work: three regular and three local activities, update, signal."""

from datetime import timedelta

from temporalio import activity, workflow

QUEUE = "bench"
TIMEOUT = timedelta(seconds=30)


@activity.defn(name="bench_nothing")
async def do_nothing() -> None:
    """Do nothing."""


async def _regular() -> None:
    await workflow.execute_activity(do_nothing, start_to_close_timeout=TIMEOUT)


async def _local() -> None:
    await workflow.execute_local_activity(do_nothing, start_to_close_timeout=TIMEOUT)


@workflow.defn(name="BareWorkflow")
class BareWorkflow:
    """Runs a purchase's steps without work: opens after two steps, waits for a signal, ends after four more."""

    def __init__(self) -> None:
        self._is_open = False
        self._is_paid = False

    @workflow.run
    async def run(self) -> None:
        """Run the steps."""
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
        """Return when the first half is done."""
        await workflow.wait_condition(lambda: self._is_open)
        return "open"

    @workflow.signal(name="pay")
    def pay(self) -> None:
        """Start the second half."""
        self._is_paid = True


@workflow.defn(name="BareOpening")
class BareOpening:
    """Opens a checkout with one regular activity, and ends."""

    def __init__(self) -> None:
        self._is_open = False

    @workflow.run
    async def run(self) -> None:
        """Run the step, and finish the open updates."""
        await _regular()
        self._is_open = True
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.update(name="open_checkout")
    async def open_checkout(self) -> str:
        """Return when the step is done."""
        await workflow.wait_condition(lambda: self._is_open)
        return "open"
