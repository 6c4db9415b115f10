"""The data of each type of outgoing event: one model per type and version.

A model only gets new fields. Another change breaks its readers: write the next version beside it.
"""

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from domain.core.timestamp import Timestamp

MODELS: dict[tuple[str, int], type["Data"]] = {}
PaidBy = Literal["card", "cash", "hand", "bank"]


class Data(BaseModel):
    """The base: registers each model under its type and version."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    TYPE: ClassVar[str]
    VERSION: ClassVar[int] = 1

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Register the model; raise TypeError for a type and version that another has."""
        super().__pydantic_init_subclass__(**options)
        if "TYPE" in vars(cls):
            if (name := (cls.TYPE, cls.VERSION)) in MODELS:
                raise TypeError(f"{cls.__name__} needs another version: {name} belongs to {MODELS[name].__name__}")
            MODELS[name] = cls


class OrderLine(BaseModel):
    """Some tickets of one type, with the price of one and the discount of all in minor units."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ticket_type_id: str
    quantity: int
    price_minor: int
    discount_minor: int


class OrderConfirmed1(Data):
    """An order is sold: it is paid, and its seats are the buyer's. Amounts are in minor units of `currency`."""

    TYPE = "order.confirmed"

    purchase_id: str
    order_ref: str
    show_id: str
    venue_id: str
    currency: str
    total_minor: int
    tax_minor: int
    lines: list[OrderLine]
    ticket_ids: list[str]


class OrderFulfilled1(Data):
    """Every ticket of an order is minted, or a leaf, and the venue is credited."""

    TYPE = "order.fulfilled"

    purchase_id: str
    order_ref: str
    show_id: str
    venue_id: str


class OrderCancelled1(Data):
    """A purchase ended without a sale, for a stable reason; its seats are free again."""

    TYPE = "order.cancelled"

    purchase_id: str
    order_ref: str
    show_id: str
    reason: str


class _TicketData(Data):
    """The fields of every event of a ticket."""

    ticket_id: str
    ticket_type_id: str
    show_id: str
    purchase_id: str


class TicketIssued1(_TicketData):
    """A ticket is paid: it gives the right to enter."""

    TYPE = "ticket.issued"


class TicketVoid1(_TicketData):
    """A ticket gives no right to enter any more."""

    TYPE = "ticket.void"


class TicketCheckedIn1(_TicketData):
    """A ticket was used for entry."""

    TYPE = "ticket.checked_in"


class TicketCheckInUndone1(_TicketData):
    """The check-in of a ticket was undone: it gives the right to enter again."""

    TYPE = "ticket.check_in_undone"


class TicketBlocked1(_TicketData):
    """A dispute of the payment blocks a ticket."""

    TYPE = "ticket.blocked"

    dispute_id: str


class TicketUnblocked1(_TicketData):
    """A dispute was won; the ticket is valid again unless it is still `blocked` by another."""

    TYPE = "ticket.unblocked"

    dispute_id: str | None
    blocked: bool


class TicketMinted1(_TicketData):
    """The token of a ticket is on chain, at this address."""

    TYPE = "ticket.minted"

    mint_address: str
    signature: str


class _RefundData(Data):
    """The fields of every event of a refund; `amount_minor` is all that it gives back, in minor units."""

    refund_id: str
    purchase_id: str
    show_id: str
    amount_minor: int
    currency: str
    ticket_ids: list[str]


class RefundRequested1(_RefundData):
    """A refund was decided; its tickets are void."""

    TYPE = "refund.requested"


class RefundPending1(_RefundData):
    """Stripe accepted a refund; the bank has not received it yet."""

    TYPE = "refund.pending"


class RefundOwedAtTill1(_RefundData):
    """A refund of cash waits at the till until a clerk hands it out."""

    TYPE = "refund.owed_at_till"


class RefundSucceeded1(_RefundData):
    """The money is with the buyer: on the card, in cash, by hand of an operator, or taken by the buyer's bank."""

    TYPE = "refund.succeeded"

    paid_by: PaidBy


class RefundFailed1(_RefundData):
    """Stripe or the bank rejected a refund, perhaps after success: the buyer is still owed."""

    TYPE = "refund.failed"

    failure: str


class _DisputeData(Data):
    """The fields of every event of a dispute; `amount_minor` is the amount that the bank withdrew."""

    dispute_id: str
    purchase_id: str
    amount_minor: int
    currency: str


class DisputeOpened1(_DisputeData):
    """A bank withdrew the money of a charge; tickets are blocked if the charge paid the sale (`of_sale`)."""

    TYPE = "dispute.opened"

    of_sale: bool


class DisputeWon1(_DisputeData):
    """The bank decided for us, and Stripe has returned this much by now."""

    TYPE = "dispute.won"

    returned_minor: int


class DisputeLost1(_DisputeData):
    """The bank decided for the buyer."""

    TYPE = "dispute.lost"


class DisputeReturned1(_DisputeData):
    """Stripe returned this much more of a decided dispute."""

    TYPE = "dispute.returned"

    returned_minor: int


class AnnouncedTicketType(BaseModel):
    """A ticket type of a show: its price in minor units and its capacity."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ticket_type_id: str
    name: str
    price_minor: int
    capacity: int


class ShowAnnounced1(Data):
    """A show was announced; it is not on sale yet.

    Until `refund_until` buyers may have tickets refunded by themselves; null: at any time.
    """

    TYPE = "show.announced"

    show_id: str
    venue_id: str
    name: str
    currency: str
    ticket_types: list[AnnouncedTicketType]
    sale_from: Timestamp | None
    sale_until: Timestamp | None
    ends_at: Timestamp | None
    starts_at: Timestamp | None = None
    doors_at: Timestamp | None = None
    time_zone: str = ""
    place: str = ""
    refund_until: Timestamp | None = None


class _ShowData(Data):
    """The fields of every later event of a show."""

    show_id: str
    venue_id: str


class ShowOnSale1(_ShowData):
    """The sale of a show opened."""

    TYPE = "show.on_sale"


class ShowPriceChanged1(_ShowData):
    """The price of a ticket type changed; placed orders keep their own."""

    TYPE = "show.price_changed"

    ticket_type_id: str
    price_minor: int
    currency: str


class ShowSaleWindowChanged1(_ShowData):
    """The sale window of a show changed."""

    TYPE = "show.sale_window_changed"

    sale_from: Timestamp | None
    sale_until: Timestamp | None


class ShowDetailsChanged1(_ShowData):
    """Name, times or place of a show changed; these are all of them as they are now.

    Until `refund_until` buyers may have tickets refunded by themselves; null: at any time.
    """

    TYPE = "show.details_changed"

    name: str
    starts_at: Timestamp | None
    doors_at: Timestamp | None
    ends_at: Timestamp | None
    time_zone: str
    place: str
    refund_until: Timestamp | None


class ShowCapacityChanged1(_ShowData):
    """The capacities of some ticket types changed, by the id of the type."""

    TYPE = "show.capacity_changed"

    capacities: dict[str, int]


class ShowCancelled1(_ShowData):
    """A show is cancelled: nothing is sold any more, and its orders are being refunded."""

    TYPE = "show.cancelled"


class ShowRefunded1(_ShowData):
    """No order of a cancelled show has a valid ticket or an outstanding payment any more."""

    TYPE = "show.refunded"


class _PayoutData(Data):
    """The fields of every event of a payout; a negative amount came from the bank."""

    payout_id: str
    venue_id: str
    amount_minor: int
    currency: str


class PayoutPaid1(_PayoutData):
    """A payout reached the venue's bank; `original` is the payout that a negative one reverses."""

    TYPE = "payout.paid"

    original: str | None


class PayoutReturned1(_PayoutData):
    """The bank returned a payout."""

    TYPE = "payout.returned"

    failure: str
