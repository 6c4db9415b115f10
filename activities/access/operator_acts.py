"""Record operators' acts as events, on behalf of the operator."""

from activities.core.commands import Command
from activities.core.ports import EventStore
from activities.core.task_queues import PURCHASES, activity_on
from domain.access.operator_act import OperatorActed, OperatorActRecord
from domain.core.actor import acting_as, operator_actor
from domain.core.ids import derived
from domain.core.unit_of_work import UnitOfWork


class RecordAct(Command):
    """An accepted act; `update_id` is Temporal's, and recognises a repeat."""

    workflow_id: str
    update_id: str
    act: str
    operator: str
    reason: str
    stage: str
    details: dict[str, str]
    purchase_id: str = ""


class OperatorActivities:
    """Records acts. Idempotent: an update is recorded once."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    @activity_on(PURCHASES, name="record_operator_act", local_first=True)
    async def record_act(self, act: RecordAct) -> None:
        """Record an accepted act, once."""
        with acting_as(operator_actor(act.operator)):
            await self._store.commit(lambda uow: _record(uow, act))


def _record(uow: UnitOfWork, act: RecordAct) -> None:
    identity = derived("oa", act.workflow_id, act.update_id)
    if uow.find(OperatorActRecord, identity) is None:
        values = act.model_dump(exclude={"update_id", "operator"})
        uow.add(OperatorActRecord.begin(OperatorActed, identity, uow.at, **values))
