"""The tree of the sample show "sh", without a chain."""

from activities.tokens.trees.leaves import open_tree
from domain.catalog.show import Show
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.has_token import Drawing
from domain.tickets.leaf import TreeRoot
from domain.tickets.ticket_tree import TicketTree
from tests.fakes.event_store import FakeEventStore
from tests.fakes.samples import SIGNED


async def open_sample_tree(store: FakeEventStore) -> None:
    """Draw the metadata of the ticket types and open the tree, as the show's registration does."""

    def draw(uow: UnitOfWork) -> None:
        show = uow.get(Show, "sh")
        for name in show.ticket_types:
            show.draw(Drawing(name, f"cid-{name}", "{}", f"image-{name}", "<svg/>"), uow.at)

    await store.commit(draw)
    await open_tree(store, "sh", "mint", "genesis")


async def write_sample_root(store: FakeEventStore) -> TreeRoot:
    """Sign and write the root of all changes; return it."""

    def write(uow: UnitOfWork) -> TreeRoot:
        tree = uow.get(TicketTree, "sh")
        version = tree.newest_version
        signed = SIGNED.model_copy(update={"signature": f"root-{version}"})
        tree.sign_root(signed, version, tree.signed, uow.at)
        tree.write_root(signed.signature, uow.at)
        assert tree.root is not None
        return tree.root

    return (await store.commit(write)).value
