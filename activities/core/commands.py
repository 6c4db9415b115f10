"""Inputs and results of activities: frozen models whose fields are only ever added."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.money.money import Price
from domain.payments.payment_intent import IntentStatus
from domain.tickets.token import Minting, TokenKind, is_each


class Command(BaseModel):
    """The base of every input and result."""

    model_config = ConfigDict(frozen=True)


def _is_off(value: object) -> bool:
    return not value


class PurchaseRef(Command):
    """One attempt at one purchase."""

    tenant_id: str
    purchase_id: str
    attempt: int


class LatePayment(PurchaseRef):
    """A payment intent that changed when its purchase did not wait for it; without an id, the attempt's own.

    With `bears_excess` the platform bears what a person has refunded at Stripe beyond what was owed, by the word of
    `operator`.
    """

    intent_id: str = ""
    bears_excess: bool = Field(default=False, exclude_if=_is_off)
    operator: str = Field(default="", exclude_if=_is_off)


class EndPurchase(Command):
    """One attempt at one purchase, and the reason of its end."""

    purchase: PurchaseRef
    reason: str


class ExtendHold(Command):
    """Move a purchase's deadline."""

    purchase: PurchaseRef
    hold_until: datetime


class PlacedOrder(Command):
    """A placed order: seats held, price locked, tickets reserved; `sold` once the sale is known."""

    show_id: str
    venue_id: str
    price: Price
    hold_until: datetime
    capture_method: Literal["manual", "automatic"]
    ticket_ids: tuple[str, ...]
    sold: bool = False
    # That the show gives a bank to process a payment; None: as long as the deployment says.
    processing_seconds: int | None = Field(default=None, exclude_if=_is_off)
    minting: Minting = Field(default="each", exclude_if=is_each)


class EndedOrder(Command):
    """The end of an order without a sale: `refused` before anything was held, which frees its key, or `cancelled`."""

    outcome: Literal["refused", "cancelled"]


class PaymentStatus(Command):
    """The status of an intent; `refunded` when all of the captured money was returned."""

    intent_id: str
    status: IntentStatus | Literal["refunded"]
    declined: str | None = None
    hold_until: datetime | None = None  # set by the call that opened the checkout


class MintTicket(Command):
    """Mint one issued ticket, or burn or deliver its token; `to_custody`: not to its holder's wallet."""

    purchase: PurchaseRef
    ticket_id: str
    to_custody: bool = Field(default=False, exclude_if=_is_off)


class MintSubject(Command):
    """A venue or a show whose on-chain group is to be minted."""

    tenant_id: str
    kind: TokenKind
    subject_id: str


class TreeRef(Command):
    """The tree of a show."""

    tenant_id: str
    show_id: str


class Minted(Command):
    """A token that was read back and verified; no address when its ticket was refunded before the mint."""

    mint_address: str
    signature: str


class HoldRef(Command):
    """A hold that the internal ticket API made."""

    tenant_id: str
    reservation_id: str
    until: datetime | None = None


class RefundRef(Command):
    """A decided refund: its tickets are void, its amount is owed; its seats may go back on sale.

    `in_cash` is a refund of the box office, without Stripe.
    """

    purchase: PurchaseRef
    refund_id: str
    ticket_ids: tuple[str, ...]
    amount_minor: int
    resells: bool = Field(default=False, exclude_if=_is_off)
    in_cash: bool = Field(default=False, exclude_if=_is_off)


class PayRefund(Command):
    """One attempt to pay a refund; the attempt after a failure has the next number.

    `by_hand` is the reference of a payment that `operator` made another way. With `only_look` a failed refund is not
    tried again.
    """

    refund: RefundRef
    turn: int
    by_hand: str = ""
    operator: str = Field(default="", exclude_if=_is_off)
    only_look: bool = Field(default=False, exclude_if=_is_off)


class RefundStatus(Command):
    """The status of a refund at Stripe; `uncovered`: it failed because our balance was too low, so a retry can work."""

    status: Literal["pending", "succeeded", "failed"]
    turn: int
    failure: str | None = None
    uncovered: bool = False


class CapacityChange(Command):
    """One change of a show's capacities; the events have the requested figures."""

    tenant_id: str
    show_id: str
    number: int


class DisputeRef(Command):
    """A dispute of a purchase's payment."""

    purchase: PurchaseRef
    dispute_id: str
