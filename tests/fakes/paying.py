"""The payment of an order in memory, as the saga's steps leave it."""

from activities.core.commands import PurchaseRef
from domain.core.unit_of_work import UnitOfWork
from domain.orders.order import Order
from domain.payments.payment import IntentCreated, Payment


def open_payment(uow: UnitOfWork, purchase: PurchaseRef) -> None:
    """Open the payment of an order, if it has a price."""
    price = uow.get(Order, purchase.purchase_id).price
    if price is not None:
        events = {"tenant_id": purchase.tenant_id, "purchase_id": purchase.purchase_id, "capture_method": "manual"}
        name, intent_id = f"{purchase.purchase_id}:{purchase.attempt}", f"pi_{purchase.purchase_id}"
        money = {"amount_minor": price.total_minor, "currency": price.currency}
        uow.add(Payment.begin(IntentCreated, name, uow.at, intent_id=intent_id, **money, **events))


def capture(uow: UnitOfWork, purchase_id: str) -> None:
    """Capture the payment of an order."""
    payment = uow.get(Payment, f"{purchase_id}:1")
    payment.authorise(uow.at)
    payment.capture("ch_1", payment.amount_minor, 100, uow.at)
