"""Record operators' acts as events, on behalf of the operator, each in one commit with its effect on other events."""

from collections.abc import Callable
from datetime import datetime

from activities.core.acts import EXTEND_HOLD, GIVE_UP, PAUSE, REFUND, RESOLVE_CASE, RESUME
from activities.core.commands import Command
from activities.core.ports import EventStore
from activities.core.task_queues import PURCHASES, activity_on
from activities.refunds.request_refund import RequestRefund, request
from activities.sales.payment_lookup import find_payment
from domain.access.operator_act import OperatorActed, OperatorActRecord
from domain.catalog.show_cancellation import ShowCancellation
from domain.core.actor import acting_as, operator_actor
from domain.core.errors import WrongState
from domain.core.ids import derived, refund_id_of
from domain.core.unit_of_work import UnitOfWork
from domain.money.currency import shown
from domain.orders.order import Order
from domain.payments.follow_up import FollowUp

BY_OPERATOR = "by-operator"


class RecordAct(Command):
    """An accepted act; `update_id` is Temporal's, and recognises a repeat. `details` has what its effect needs."""

    workflow_id: str
    update_id: str
    act: str
    operator: str
    reason: str
    stage: str
    details: dict[str, str]
    purchase_id: str = ""

    @property
    def subject(self) -> str:
        """The subject of the workflow: its id without the kind."""
        return self.workflow_id.partition("/")[2]


class OperatorActivities:
    """Records acts. Idempotent: an update is recorded once, and its effect made once."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    @activity_on(PURCHASES, name="record_operator_act", local_first=True)
    async def record_act(self, act: RecordAct) -> str:
        """Record an accepted act and make its effect; return a sentence about that, if there is one.

        An effect that is refused leaves nothing recorded.
        """
        with acting_as(operator_actor(act.operator)):
            return (await self._store.commit(lambda uow: _record(uow, act))).value


def _record(uow: UnitOfWork, act: RecordAct) -> str:
    identity = derived("oa", act.workflow_id, act.update_id)
    known = uow.find(OperatorActRecord, identity)
    if known is not None:
        return known.outcome
    effect = EFFECTS.get(act.act)
    outcome = effect(uow, act) if effect is not None else ""
    values = act.model_dump(exclude={"update_id", "operator"})
    uow.add(OperatorActRecord.begin(OperatorActed, identity, uow.at, outcome=outcome, **values))
    return outcome


def _extend_hold(uow: UnitOfWork, act: RecordAct) -> str:
    order, until = uow.get(Order, act.purchase_id), datetime.fromisoformat(act.details["hold_until"])
    if not order.is_open:
        raise WrongState(f"order is {order.state}; its seats are not held any more", state=order.state)
    order.extend_hold(until, uow.at)
    return f"The seats are held until {order.hold_until.isoformat(timespec='seconds')}."


def _refund(uow: UnitOfWork, act: RecordAct) -> str:
    order = uow.get(Order, act.purchase_id)
    refund_id = refund_id_of(order.nonce, order.tenant_id, order.identity, f"{BY_OPERATOR} {act.update_id}")
    command = RequestRefund(
        tenant_id=order.tenant_id,
        purchase_id=order.identity,
        refund_id=refund_id,
        body_digest=BY_OPERATOR,
        reason=BY_OPERATOR,
    )
    decided = request(uow, command)
    amount = shown(decided.refund.amount_minor, decided.currency)
    return f"Refund {refund_id} of {amount} {decided.currency} is decided, and begins within seconds."


def _pause(uow: UnitOfWork, act: RecordAct) -> str:
    uow.get(ShowCancellation, act.subject).pause(uow.at)
    return "No further refund is begun."


def _resume(uow: UnitOfWork, act: RecordAct) -> str:
    rate, cancellation = act.details["rate_per_second"], uow.get(ShowCancellation, act.subject)
    cancellation.go_on(float(rate) if rate else None, uow.at)
    return f"Refunds are begun, at most {cancellation.rate_per_second:g} a second."


def _resolve_case(uow: UnitOfWork, act: RecordAct) -> str:
    payment = find_payment(uow, act.purchase_id, act.details["intent_id"])
    if payment is not None:
        payment.cancel(uow.at)
    _stop_following(uow, act)
    return "No money comes of the payment; nothing waits for it any more."


def _give_up(uow: UnitOfWork, act: RecordAct) -> str:
    """Nobody follows it any more; what a purchase undoes it undoes by its own steps, for this reason."""
    _stop_following(uow, act)
    if act.workflow_id == f"purchase/{act.purchase_id}":
        uow.get(Order, act.purchase_id).give_up(uow.at)
    return ""


def _stop_following(uow: UnitOfWork, act: RecordAct) -> None:
    known = uow.find(FollowUp, act.workflow_id)
    if known is not None:
        known.close(act.act, uow.at)


EFFECTS: dict[str, Callable[[UnitOfWork, RecordAct], str]] = {
    EXTEND_HOLD.name: _extend_hold,
    REFUND.name: _refund,
    PAUSE.name: _pause,
    RESUME.name: _resume,
    RESOLVE_CASE.name: _resolve_case,
    GIVE_UP.name: _give_up,
}
