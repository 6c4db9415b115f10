"""Pin the files that tokens point to at a node of IPFS, and record each that the node says it keeps."""

from typing import Protocol

from activities.core.commands import Command
from activities.core.loops import each_alone, each_subject, first_of
from activities.core.ports import EventStore
from activities.core.task_queues import IPFS, activity_on
from activities.tokens.metadata import cid_of
from domain.catalog.show import Show
from domain.catalog.venue import Venue
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.views.catalog import FileDocument


class PinPage(Command):
    """A page of files that are not pinned: so many after a CID."""

    after: str = ""
    limit: int = 50


class PinReport(Command):
    """Numbers of a page, and its last CID, which is empty after the last page."""

    pinned: int
    failed: int
    last: str
    failure: str = ""


class MetadataFiles(Protocol):
    """The files in the read models."""

    async def unpinned(self, after: str, limit: int) -> list[tuple[str, str]]:
        """Return (CID, stream of the subject) of files that are not pinned, after a CID, ordered by CID."""

    async def file(self, cid: str) -> FileDocument | None:
        """Return a file."""


class PinningNode(Protocol):
    """A node of IPFS. Every call may raise `domain.core.transient.TransientError`; a repeat is harmless."""

    async def pin(self, content: bytes) -> str:
        """Store a file as one raw block and pin it; return the CID that the node gives it."""

    async def is_pinned(self, cid: str) -> bool:
        """Return whether the node keeps a file."""


class PinActivities:
    """Pins files."""

    def __init__(self, store: EventStore, files: MetadataFiles, node: PinningNode) -> None:
        self._store = store
        self._files = files
        self._node = node

    @activity_on(IPFS, name="pin_files")
    async def pin_files(self, page: PinPage) -> PinReport:
        """Pin a page of files; one that cannot be pinned does not stop the others. TransientError when none could."""
        files = await self._files.unpinned(page.after, page.limit)
        failures = await each_alone(self._pin_one, files)
        return PinReport(
            pinned=len(files) - len(failures),
            failed=len(failures),
            last=files[-1][0] if files else "",
            failure=failures[0] if failures else "",
        )

    @each_subject("pin files", first_of)
    async def _pin_one(self, file: tuple[str, str]) -> None:
        cid, subject = file
        await self._pin(cid)
        await self._record(cid, subject)

    async def _pin(self, cid: str) -> None:
        """Store a file, compare its name, and ask whether it is kept."""
        found = await self._files.file(cid)
        if found is None:
            raise TransientError(f"the file {cid} is not in the read models yet")
        content = found["content"].encode()
        if cid_of(content) != cid:
            raise TransientError(f"the read models have another content for {cid}; rebuild them")
        if (given := await self._node.pin(content)) != cid:
            raise TransientError(f"the IPFS node calls {cid} {given}")
        if not await self._node.is_pinned(cid):
            raise TransientError(f"the IPFS node took {cid} and does not keep it")

    async def _record(self, cid: str, subject: str) -> None:
        category, _, identity = subject.partition(":")

        def decide(uow: UnitOfWork) -> None:
            if category == Venue.STREAM_CATEGORY:
                uow.get(Venue, identity).pin(cid, uow.at)
            else:
                uow.get(Show, identity).pin(cid, uow.at)

        await self._store.commit(decide)
