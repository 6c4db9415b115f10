"""Views of a purchase: its document, and its timeline and postings, which are stored separately."""

from typing import Literal, NotRequired, get_args

from typing_extensions import TypedDict

from domain.core.timestamp import Timestamp
from domain.money.breakdown import FeesBorneBy
from domain.orders import state
from domain.payments.dispute import DisputeState
from domain.payments.refund import RefundState
from domain.tickets.claiming import ClaimState, LapseReason
from domain.tickets.ticket import TicketState
from domain.views.common import PriceDocument, TokenFields

PurchaseState = state.PurchaseState
UNOPENED_STATES, UNENDED_STATES, SOLD_STATES = state.UNOPENED, state.UNENDED, state.SOLD
UNSOLD_STATES, ENDED_STATES = state.UNSOLD, state.ENDED
OPEN_REFUNDS = tuple(name for name in get_args(RefundState) if name != "succeeded")
RefundProgress = Literal["none", "refunding", "partly-refunded", "refunded"]
DisputeProgress = Literal["none", "open", "won", "lost"]
Attention = Literal["refund-failed", "cash-owed", "payment-owed", "dispute-open", "transfer-refused"]


class LineDocument(TypedDict):
    """Some tickets of one type; `price_minor` is the price of one, null until the price is locked."""

    ticket_type_id: str
    quantity: int
    price_minor: int | None
    discount_minor: int


class TicketLine(TokenFields):
    """One ticket of a purchase; `blocked` gives no entry while a dispute of its payment is open or lost."""

    ticket_id: str
    ticket_type_id: str
    state: TicketState
    blocked: bool


class TicketDocument(TicketLine):
    """A ticket: the right to enter, and its token; `public_name` is its name on chain, which tells none of its ids.

    `claim` is `requested` until the token is in the claimed wallet, then `done`; one that lapsed is `none` again, and
    `claim_lapsed` says why. `generation` counts the claims that handed the ticket over and the codes that were issued
    anew: only a code of this generation gives entry.
    `leaf_index` is its place in its show's tree, null unless its leaf proves it. `entered` stays when it is void.
    """

    public_name: str
    claim: ClaimState
    claim_lapsed: LapseReason | None
    claimed_at: Timestamp | None
    generation: int
    leaf_index: int | None
    dispute_ids: list[str]
    entered: bool
    tenant_id: str
    purchase_id: str
    show_id: str
    reserved_at: Timestamp


class PaidBackLine(TypedDict):
    """A refund that reached the buyer; `refund_id` is Stripe's, null when it was paid another way."""

    refund_id: str | None
    at: Timestamp
    amount_minor: int
    ticket_ids: list[str]
    reason: str | None


PaymentProgress = Literal["open", "authorised", "captured", "cancelled", "refunded"]


class PaymentDocument(TypedDict):
    """The payment of a purchase's present attempt.

    `owed_minor` is captured money that bought nothing and has not reached its buyer; `refunds` say how far it is.
    """

    intent_id: str
    status: PaymentProgress
    owed_minor: int
    charge_id: str | None
    captured_minor: int
    refunded_minor: int
    decline_code: str | None
    processing_since: Timestamp | None
    captured_at: Timestamp | None
    refunds: list[PaidBackLine]


class RefundLine(TypedDict):
    """One refund of a purchase; `failed` is still owed.

    `intent_id` is that of a payment that bought nothing; null for a refund of the sale. `owed_at_till`: the cash is
    owed until a clerk has handed it out.
    """

    refund_id: str
    state: RefundState
    amount_minor: int
    currency: str
    intent_id: str | None
    owed_at_till: bool
    ticket_ids: list[str]
    reason: str
    fees: FeesBorneBy
    stripe_refund_id: str | None
    failure: str | None
    requested_at: Timestamp
    succeeded_at: Timestamp | None
    in_cash: bool
    paid_by_hand: str | None
    by_bank_minor: int


class AmountByRecipient(TypedDict):
    """An amount split by recipient."""

    venue_minor: int
    platform_minor: int
    processing_minor: int
    tax_minor: int


class RefundedPurchase(TypedDict):
    """The purchase of a refund."""

    purchase_id: str
    tenant_id: str
    attempt: int
    show_id: str


class RefundDocument(RefundLine, RefundedPurchase):
    """A refund; `resells` says whether its seats may go on sale again, `resold` whether they did."""

    given: AmountByRecipient
    resells: bool
    resold: bool


class TransferDocument(TypedDict):
    """The venue's share of a purchase on its way to the venue's Stripe account; `asked_back` maps keys to amounts."""

    state: Literal["requested", "made", "refused"]
    amount_minor: int
    reversed_minor: int
    transfer_id: str | None
    asked_back: dict[str, int]


class DisputeLine(TypedDict):
    """A dispute of a purchase: what the bank took, and what Stripe returned of it after a loss.

    One that is not `of_sale` is of another payment, and leaves the tickets alone.
    """

    dispute_id: str
    state: DisputeState
    amount_minor: int
    returned_minor: int
    of_sale: bool
    opened_at: Timestamp


class DisputeDocument(DisputeLine):
    """A dispute by itself, in minor units of `currency`."""

    tenant_id: str
    purchase_id: str
    venue_id: str
    show_id: str
    currency: str
    decided_at: Timestamp | None


class PurchaseDocument(TypedDict):
    """A purchase; amounts are in minor units of the price's currency."""

    purchase_id: str
    tenant_id: str
    attempt: int
    position: int
    state: PurchaseState
    show_id: str
    venue_id: str | None
    lines: list[LineDocument]
    requested_at: Timestamp
    queue_until: Timestamp | None
    hold_until: Timestamp
    price: PriceDocument | None
    tickets: list[TicketLine]
    payment: PaymentDocument | None
    end_reason: str | None
    cancel_requested: bool
    discount_code: str | None
    confirmed_at: Timestamp | None
    refund_state: RefundProgress
    refunds: list[RefundLine]
    transfer: TransferDocument | None
    lost_to_disputes_minor: int
    dispute_state: DisputeProgress
    disputes: list[DisputeLine]
    netted_minor: NotRequired[int]


def was_charged(order: PurchaseDocument) -> bool:
    """Return whether any payment of a purchase was captured: its own, a second or a stray one, given back or not."""
    own = order["payment"]
    of_others = any(refund["intent_id"] is not None for refund in order["refunds"])
    return (own is not None and own["captured_minor"] > 0) or of_others or bool(order["disputes"])


class TimelineEntry(TypedDict):
    """One domain event of a purchase in plain language; `position` is its position in the event store."""

    position: int
    at: Timestamp
    event: str
    text: str


class PostingLine(TypedDict):
    """One posting of a purchase in the books."""

    position: int
    key: str
    kind: str
    debit: str
    credit: str
    amount: int
    unit: str


class PurchaseHistory(PurchaseDocument):
    """A purchase with its timeline and its postings."""

    timeline: list[TimelineEntry]
    postings: list[PostingLine]


class PurchaseKey(TypedDict):
    """The attempt at a purchase that a PaymentIntent belongs to."""

    tenant_id: str
    purchase_id: str
    attempt: int


class PaymentOwner(PurchaseKey):
    """The owner of a PaymentIntent, and the currency of its money."""

    currency: str


class StalledPurchase(PurchaseKey):
    """A purchase without any progress."""

    show_id: str
    price: PriceDocument | None


class StalledClaim(PurchaseKey):
    """A claim without any progress."""

    ticket_id: str
    show_id: str


class StalledRefund(PurchaseKey):
    """A refund without any progress."""

    show_id: str
    currency: str
    refund_id: str
    ticket_ids: list[str]
    amount_minor: int
    resells: bool
    in_cash: bool
