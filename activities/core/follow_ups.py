"""Open and close follow-ups: which matters at Stripe a workflow has to follow, whatever becomes of the workflow."""

from activities.core.commands import Command
from activities.core.ports import EventStore
from domain.core.unit_of_work import UnitOfWork
from domain.payments.follow_up import FollowUp, FollowUpKind, FollowUpOpened


class Matter(Command):
    """A matter at Stripe: a payment or dispute of a purchase, an account or payout of a venue."""

    kind: FollowUpKind
    subject_id: str
    tenant_id: str
    purchase_id: str = ""
    attempt: int = 0
    show_id: str = ""
    venue_id: str = ""
    account_id: str = ""

    @property
    def workflow_id(self) -> str:
        """The id of the workflow that follows it."""
        return workflow_id_of(self.kind, self.subject_id)


def workflow_id_of(kind: FollowUpKind, subject_id: str) -> str:
    """Return the id of a matter and of its workflow."""
    return f"{kind}/{subject_id}"


class FollowUpCommands:
    """Command handler of API and relay, for each news before its workflow is told."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def open_follow_up(self, matter: Matter) -> None:
        """Record that the matter must be followed. Idempotent."""

        def decide(uow: UnitOfWork) -> None:
            known = uow.find(FollowUp, matter.workflow_id)
            if known is None:
                uow.add(FollowUp.begin(FollowUpOpened, matter.workflow_id, uow.at, **matter.model_dump()))
            else:
                known.reopen(uow.at)

        await self._store.commit(decide, (FollowUp.stream(matter.workflow_id),))


async def close_follow_up(store: EventStore, kind: FollowUpKind, subject_id: str, outcome: str) -> None:
    """Record that nothing is left to follow, if anything was. Idempotent."""
    workflow_id = workflow_id_of(kind, subject_id)

    def decide(uow: UnitOfWork) -> None:
        if (known := uow.find(FollowUp, workflow_id)) is not None:
            known.close(outcome, uow.at)

    await store.commit(decide, (FollowUp.stream(workflow_id),))
