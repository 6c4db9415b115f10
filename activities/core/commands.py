"""The commands that workflows give to activities, and the answers: frozen, additive fields only."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.money.money import Price
from domain.payments.payment_intent import IntentStatus
from domain.tickets.token import TokenKind


class Command(BaseModel):
    """The base of every command and answer."""

    model_config = ConfigDict(frozen=True)


class PurchaseRef(Command):
    """One attempt at one purchase."""

    tenant_id: str
    purchase_id: str
    attempt: int


class LatePayment(PurchaseRef):
    """An intent that has news for a purchase that does not wait for it; without one, the attempt's own."""

    intent_id: str = ""


class EndPurchase(Command):
    """One attempt at one purchase, and why it ends."""

    purchase: PurchaseRef
    reason: str


class ExtendHold(Command):
    """Move a purchase's deadline."""

    purchase: PurchaseRef
    hold_until: datetime


class PlacedOrder(Command):
    """A placed order: its seats are held, its price is locked, its tickets are reserved; `sold` once that is known."""

    show_id: str
    venue_id: str
    price: Price
    hold_until: datetime
    capture_method: Literal["manual", "automatic"]
    ticket_ids: tuple[str, ...]
    sold: bool = False


class EndedOrder(Command):
    """How an order ended without a sale: `refused` before anything was held, which frees its key, or `cancelled`."""

    outcome: Literal["refused", "cancelled"]


class PaymentStatus(Command):
    """What a look at the intent said; `refunded` is money that was taken and has all gone back."""

    intent_id: str
    status: IntentStatus | Literal["refunded"]
    declined: str | None = None
    hold_until: datetime | None = None  # where this opened the checkout


class MintTicket(Command):
    """Mint one issued ticket."""

    purchase: PurchaseRef
    ticket_id: str


class MintSubject(Command):
    """Make the on-chain group of a venue or a show."""

    tenant_id: str
    kind: TokenKind
    subject_id: str


class Minted(Command):
    """A token that was read back and verified; without an address there is none, since its ticket was refunded."""

    mint_address: str
    signature: str


class HoldRef(Command):
    """A hold that the internal ticket API made."""

    tenant_id: str
    reservation_id: str
    until: datetime | None = None


def _is_off(value: object) -> bool:
    return not value


class RefundRef(Command):
    """A refund that was decided: its tickets are void, its amount is owed; its seats may go back on sale.

    `in_cash` is a refund that the box office has handed out: Stripe has nothing to do with it.
    """

    purchase: PurchaseRef
    refund_id: str
    ticket_ids: tuple[str, ...]
    amount_minor: int
    resells: bool = Field(default=False, exclude_if=_is_off)
    in_cash: bool = Field(default=False, exclude_if=_is_off)


class PayRefund(Command):
    """One try at giving the money back; each one that follows a failure has the next number.

    With `by_hand` an operator has given it another way, and says which.
    """

    refund: RefundRef
    turn: int
    by_hand: str = ""


class RefundStatus(Command):
    """What Stripe says of a refund; `uncovered` is a failure that passes when there is money in our balance."""

    status: Literal["pending", "succeeded", "failed"]
    turn: int
    failure: str | None = None
    uncovered: bool = False


class CapacityChange(Command):
    """One change of a show's capacities; the events hold what it asks for."""

    tenant_id: str
    show_id: str
    number: int


class DisputeRef(Command):
    """A dispute of a purchase's payment."""

    purchase: PurchaseRef
    dispute_id: str
