"""A node of IPFS in memory, with failure switches; and the files of metadata, folded from a fake event store."""

from collections import Counter

from activities.tokens.metadata import cid_of
from adapters.read_models.documents import FILES, DocumentBatch
from adapters.read_models.purchase import fold
from domain.core.transient import TransientError
from domain.views.catalog import FileDocument
from tests.fakes.event_store import FakeEventStore


class FakePinningNode:
    """A `PinningNode`; `blocks` are the files that it has, `pins` those that it keeps."""

    def __init__(self) -> None:
        self.blocks: dict[str, bytes] = {}
        self.pins: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.is_away = False
        self.forgets: set[str] = set()
        self.refuses: set[str] = set()

    async def pin(self, content: bytes) -> str:
        """Store and pin."""
        self._begin("pin")
        cid = cid_of(content)
        if cid in self.refuses:
            raise TransientError("the node does not take this file")
        self.blocks[cid] = content
        if cid not in self.forgets:
            self.pins.add(cid)
        return cid

    async def is_pinned(self, cid: str) -> bool:
        """Say whether a file is kept."""
        self._begin("is_pinned")
        return cid in self.pins

    def _begin(self, verb: str) -> None:
        self.calls[verb] += 1
        if self.is_away:
            raise TransientError("the node is away")


class FoldedFiles:
    """Always up to date; the same conditions as the real SQL."""

    def __init__(self, store: FakeEventStore) -> None:
        self._store = store

    def _documents(self) -> DocumentBatch:
        batch = DocumentBatch(lambda _, __: None)
        for place, event in enumerate(self._store.log, start=1):
            fold(batch, event, place)
        return batch

    async def unpinned(self, after: str, limit: int) -> list[tuple[str, str]]:
        found = [document for kind, _, document in self._documents().changed() if kind == FILES.name]
        left = [(one["cid"], one["subject"]) for one in found if not one["pinned"] and one["cid"] > after]
        return sorted(left)[:limit]

    async def file(self, cid: str) -> FileDocument | None:
        return self._documents().find(FILES, cid)
