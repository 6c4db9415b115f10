"""Points at which the real worker is killed, and their cells."""

import asyncio
from collections.abc import Callable
from pathlib import Path

Record = Callable[[str, object], None]


class Killing:
    """Sets the points at which the worker is killed, and keeps their cells."""

    def __init__(self, folder: Path, record: Record) -> None:
        self._folder = folder
        self._record = record
        self._cells: list[list[str]] = []

    def around(self, scene: str, name: str, workflow_id: str, end: str) -> None:
        """Kill the worker before and after the effect of this activity of this workflow."""
        for moment in ("before", "after"):
            (self._folder / f"{workflow_id.replace('/', '~')}.{name}.{moment}").touch()
            self._cells.append([scene, name, f"crash-{moment}", "R", end])

    def anywhere(self, scene: str, name: str, end: str) -> None:
        """Kill the worker before and after the effect of this activity, at its first call by any workflow."""
        for moment in ("before", "after"):
            (self._folder / f"{name}.{moment}").touch()
            self._cells.append([scene, name, f"crash-{moment}", "R", end])

    async def all_reached(self, seconds: float) -> None:
        """Wait until every point was reached."""
        async with asyncio.timeout(seconds):
            while await asyncio.to_thread(self._remaining):  # noqa: ASYNC110 - another process removes them
                await asyncio.sleep(0.3)

    def _remaining(self) -> list[str]:
        return [point.name for point in self._folder.iterdir()]

    def judge(self) -> None:
        """Assert that every point was reached, and record its cell."""
        assert self._remaining() == []
        for cell in self._cells:
            self._record("cell", cell)
