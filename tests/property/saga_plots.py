"""Schedules in which an operator carries out each act that the played workflows take."""

from hypothesis import strategies as st

from tests.property.saga_schedules import DRAWN, Act, Operate, Schedule

CASE, PURCHASE, REFUND = "PaymentCaseWorkflow", "PurchaseWorkflow", "RefundWorkflow"
PAY = Act(what="pay", at="create_intent")
LATE = Act(what="decline", at="create_intent", news="late")


def operated(on: str, act: str, at: str, call: int = 1) -> tuple[Operate, ...]:
    """Let an operator do an act before the n-th call of an activity."""
    return (Operate(on=on, act=act, at=at, call=call),)


PLOTS = {
    "PurchaseWorkflow.extend_hold": Schedule(operated=operated(PURCHASE, "extend_hold", "look_at_intent")),
    "PurchaseWorkflow.give_up": Schedule(operated=operated(PURCHASE, "give_up", "look_at_intent")),
    "PurchaseWorkflow.retry_now": Schedule(acts=(PAY,), operated=operated(PURCHASE, "retry_now", "mint_ticket")),
    "PurchaseWorkflow.refund": Schedule(
        acts=(PAY,), runs_again=True, operated=operated(PURCHASE, "refund", "mint_ticket")
    ),
    "PurchaseWorkflow.force_mint": Schedule(
        acts=(PAY,),
        faults={"mint_ticket": ("refused",) * 4},
        operated=operated(PURCHASE, "force_mint", "mint_ticket", 3),
    ),
    "PurchaseWorkflow.resolve_case": Schedule(
        faults={"cancel_payment": ("refused",) * 2}, operated=operated(PURCHASE, "resolve_case", "cancel_payment", 2)
    ),
    "PaymentCaseWorkflow.resolve_case": Schedule(
        acts=(LATE,),
        faults={"resolve_late_payment": ("refused",) * 2},
        operated=operated(CASE, "resolve_case", "resolve_late_payment", 2),
    ),
    "PaymentCaseWorkflow.retry_now": Schedule(
        acts=(LATE,), operated=operated(CASE, "retry_now", "resolve_late_payment")
    ),
    "RefundWorkflow.retry_now": Schedule(
        acts=(PAY,), given_back=True, uncovered=2, operated=operated(REFUND, "retry_now", "pay_refund", 2)
    ),
    "RefundWorkflow.pay_by_hand": Schedule(
        acts=(PAY,), given_back=True, uncovered=2, operated=operated(REFUND, "pay_by_hand", "pay_refund", 2)
    ),
}


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Draw a schedule; a third of them are a plot, since few acts that are drawn come at their moment."""
    drawn = draw(DRAWN)
    if draw(st.integers(0, 2)):
        return drawn
    plot = draw(st.sampled_from(list(PLOTS.values())))
    terms = {
        "capture_method": drawn.capture_method,
        "quantity": min(drawn.quantity, 3),
        "resells": drawn.resells,
        "runs_again": drawn.runs_again,
    }
    return plot.model_copy(update=terms)


SCHEDULES = schedules()
