"""Events that change nothing judged by the invariants, by the reason."""

from domain.access.api_key import KeyCreated, KeyRevoked, KeyRotated
from domain.access.endpoint import (
    EndpointChanged,
    EndpointCreated,
    EndpointDeleted,
    EndpointSwitchedOff,
    EndpointSwitchedOn,
    SecretRotated,
)
from domain.access.operator_act import OperatorActed
from domain.catalog.changing import ShowDetailsChanged, ShowLimitsChanged
from domain.catalog.discount import DiscountCreated, DiscountKeyUsed, DiscountStopped, DiscountTermsChanged
from domain.catalog.show import (
    CapacityChangeBegun,
    CapacityChangeEnded,
    GroupCapacityAdded,
    GroupResizeSigned,
    PriceChanged,
    SaleWindowChanged,
    ShowCalledOff,
    ShowWentOnSale,
)
from domain.catalog.show_cancellation import (
    ShowCancellationBegun,
    ShowCancellationFinished,
    ShowCancellationPaused,
    ShowCancellationResumed,
)
from domain.catalog.venue import VenueRegistered, VenueZoneChanged
from domain.core.aggregate import DomainEvent
from domain.orders.order import (
    BuyerCorrectionDecided,
    BuyerErasureDecided,
    CancelRequested,
    CaptureRequested,
    CaptureWaived,
    OrderConfirmed,
    PaymentIntentRefused,
)
from domain.payments.follow_up import FollowUpClosed, FollowUpOpened, FollowUpReopened
from domain.payments.payment import PaymentAuthorised, PaymentDeclined, PaymentProcessingBegun
from domain.payments.refunds import RefundsOpened, RefundsPriced
from domain.payouts.payee import AccountChanged, PayeeNamed, ShortfallNetted, ShortfallNoted
from domain.payouts.payout import PayoutPaid, PayoutReturned
from domain.stock.buyer_limit import AllowanceOpened, ClaimEnded, ClaimReduced, ClaimSold, TicketsClaimed
from domain.tickets.check_in import CheckInUndone, TicketScanned
from domain.tickets.has_token import MetadataDrawn, MetadataPinned
from domain.tickets.ticket import (
    BurnSigned,
    CodeIssuedAnew,
    TicketBlocked,
    TicketUnblocked,
    TokenBurnt,
    TokenForgone,
)

REASONS: dict[str, frozenset[type[DomainEvent]]] = {
    "who may ask, and who asked: neither seats, tickets nor money": frozenset(
        {KeyCreated, KeyRotated, KeyRevoked, OperatorActed}
    ),
    "to whom events are sent; what is sent is read from events that are judged": frozenset(
        {EndpointCreated, EndpointChanged, SecretRotated, EndpointSwitchedOff, EndpointSwitchedOn, EndpointDeleted}
    ),
    "the venue's texts, times and terms of later sales; a sale has its own price, which is judged": frozenset(
        {VenueRegistered, VenueZoneChanged, ShowWentOnSale, ShowCalledOff, ShowDetailsChanged, ShowLimitsChanged,
         PriceChanged, SaleWindowChanged, DiscountCreated, DiscountKeyUsed, DiscountTermsChanged, DiscountStopped}
    ),
    "a plan: the resized stock itself is judged, and the group on chain": frozenset(
        {CapacityChangeBegun, CapacityChangeEnded, GroupCapacityAdded, GroupResizeSigned}
    ),
    "a run over the orders of a cancelled show; each refund is judged": frozenset(
        {ShowCancellationBegun, ShowCancellationPaused, ShowCancellationResumed, ShowCancellationFinished}
    ),
    "personal data, which no event holds": frozenset({BuyerErasureDecided, BuyerCorrectionDecided}),
    "a step on the way; the end of the purchase and its money at Stripe are judged": frozenset(
        {CancelRequested, CaptureRequested, CaptureWaived, OrderConfirmed, PaymentIntentRefused, PaymentAuthorised,
         PaymentDeclined, PaymentProcessingBegun, RefundsOpened, RefundsPriced}
    ),
    "money that comes later: what it is owed by and paid with is judged from the books": frozenset(
        {FollowUpOpened, FollowUpReopened, FollowUpClosed, PayeeNamed, AccountChanged, ShortfallNoted, ShortfallNetted,
         PayoutPaid, PayoutReturned}
    ),
    "a buyer's share of the stock, which is no stock": frozenset(
        {AllowanceOpened, TicketsClaimed, ClaimSold, ClaimReduced, ClaimEnded}
    ),
    "files that a token names, and the end of a token: the supply on chain is judged": frozenset(
        {MetadataDrawn, MetadataPinned, BurnSigned, TokenBurnt, TokenForgone}
    ),
    "refusals at the door, and the record of a scan: the entry by the ticket itself is judged": frozenset(
        {TicketBlocked, TicketUnblocked, CodeIssuedAnew, TicketScanned, CheckInUndone}
    ),
}  # fmt: skip
UNJUDGED: frozenset[type[DomainEvent]] = frozenset().union(*REASONS.values())
