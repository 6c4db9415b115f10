"""Domain events that are deliberately told to nobody outside, by the reason; every other one has a mapping."""

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
from domain.catalog.changing import ShowLimitsChanged
from domain.catalog.discount import (
    DiscountClaimed,
    DiscountCreated,
    DiscountKeyUsed,
    DiscountReturned,
    DiscountStopped,
    DiscountTermsChanged,
)
from domain.catalog.show import CapacityChangeBegun, GroupCapacityAdded, GroupResizeSigned
from domain.catalog.show_cancellation import ShowCancellationBegun, ShowCancellationPaused, ShowCancellationResumed
from domain.catalog.venue import VenueRegistered, VenueZoneChanged
from domain.core.aggregate import DomainEvent
from domain.money.books import TransactionPosted
from domain.orders.order import (
    BuyerCorrectionDecided,
    BuyerErasureDecided,
    CancelRequested,
    CaptureRequested,
    CaptureWaived,
    CheckoutOpened,
    HoldExtended,
    OrderPlaced,
    PaymentIntentRefused,
    PurchaseRefused,
    PurchaseRequested,
    PurchaseRequestedAgain,
)
from domain.orders.reopening import PurchaseReopened
from domain.payments.follow_up import FollowUpClosed, FollowUpOpened, FollowUpReopened
from domain.payments.payment import (
    IntentCreated,
    PaymentAuthorised,
    PaymentCancelled,
    PaymentCaptured,
    PaymentDeclined,
    PaymentOwed,
    PaymentProcessingBegun,
    PaymentRefunded,
    StrayIntentFound,
)
from domain.payments.refunds import (
    RefundExcessReturned,
    RefundOwedAgain,
    RefundReduced,
    RefundsOpened,
    RefundsPriced,
)
from domain.payouts.payee import AccountChanged, AccountConnected, PayeeNamed, ShortfallNetted, ShortfallNoted
from domain.payouts.transfer import (
    ReversalRefused,
    ReversalRequested,
    TransferMade,
    TransferRefused,
    TransferRequested,
    TransferRequestedAgain,
    TransferReversed,
)
from domain.stock.allocation import (
    AllocationOpened,
    AllocationResized,
    HoldConfirmed,
    HoldEnded,
    HoldsPlaced,
    HoldUnconfirmed,
    SeatsRestocked,
)
from domain.stock.buyer_limit import AllowanceOpened, ClaimEnded, ClaimReduced, ClaimSold, TicketsClaimed
from domain.stock.reservation import ReservationConfirmed, ReservationEnded, ReservationMade
from domain.tickets.check_in import CheckInUndone, TicketScanned
from domain.tickets.claiming import ClaimDone, ClaimLapsed, ClaimSigned, TicketClaimed
from domain.tickets.has_token import MetadataDrawn, MetadataPinned, TokenSigned
from domain.tickets.ticket import (
    BurnSigned,
    CodeIssuedAnew,
    LeafEnded,
    LeafRecorded,
    TicketReserved,
    TokenBurnt,
    TokenForgone,
)
from domain.tickets.ticket_tree import (
    LeafAppended,
    LeafDebtSettled,
    LeafNullified,
    RootSigned,
    RootWritten,
    TreeOpened,
)

REASONS: dict[str, frozenset[type[DomainEvent]]] = {
    "who may ask, and who asked: the matter of whoever holds the keys": frozenset(
        {KeyCreated, KeyRotated, KeyRevoked, OperatorActed}
    ),
    "the receiver itself: it would hear of its own address and secret": frozenset(
        {EndpointCreated, EndpointChanged, SecretRotated, EndpointSwitchedOff, EndpointSwitchedOn, EndpointDeleted}
    ),
    "terms of later sales, which whoever set them knows; a sale tells the price at which it was made": frozenset(
        {VenueRegistered, VenueZoneChanged, ShowLimitsChanged, DiscountCreated, DiscountKeyUsed, DiscountTermsChanged,
         DiscountStopped, DiscountClaimed, DiscountReturned}
    ),
    "a step towards show.capacity_changed or show.refunded": frozenset(
        {CapacityChangeBegun, GroupCapacityAdded, GroupResizeSigned, ShowCancellationBegun, ShowCancellationPaused,
         ShowCancellationResumed}
    ),
    "no sale yet: order.confirmed or order.cancelled tells the end of a purchase that was placed": frozenset(
        {PurchaseRequested, PurchaseRequestedAgain, PurchaseRefused, OrderPlaced, CheckoutOpened, HoldExtended,
         CancelRequested, CaptureRequested, CaptureWaived, PaymentIntentRefused, PurchaseReopened, TicketReserved}
    ),
    "a decision about personal data, whose table alone is concerned": frozenset(
        {BuyerErasureDecided, BuyerCorrectionDecided}
    ),
    "a purchase's payment at Stripe: outside it is the order's, the refund's or the dispute's": frozenset(
        {IntentCreated, PaymentAuthorised, PaymentProcessingBegun, PaymentDeclined, PaymentCancelled, PaymentCaptured,
         PaymentOwed, PaymentRefunded, StrayIntentFound, FollowUpOpened, FollowUpReopened, FollowUpClosed}
    ),
    "how refunds of a purchase share its money; each refund tells its own amount": frozenset(
        {RefundsOpened, RefundsPriced, RefundReduced, RefundOwedAgain, RefundExcessReturned}
    ),
    "entries of the books and of the venue's balance, which statements and payouts tell": frozenset(
        {TransactionPosted, PayeeNamed, AccountConnected, AccountChanged, ShortfallNoted, ShortfallNetted,
         TransferRequested, TransferRequestedAgain, TransferMade, TransferRefused, TransferReversed, ReversalRequested,
         ReversalRefused}
    ),
    "stock and shares of it: tickets that are issued or void tell the same of what was sold": frozenset(
        {AllocationOpened, AllocationResized, HoldsPlaced, HoldConfirmed, HoldUnconfirmed, HoldEnded, SeatsRestocked,
         AllowanceOpened, TicketsClaimed, ClaimSold, ClaimReduced, ClaimEnded}
    ),
    "an order of another shop, which makes, confirms and ends it itself": frozenset(
        {ReservationMade, ReservationConfirmed, ReservationEnded}
    ),
    "a scan's record: ticket.checked_in and ticket.check_in_undone tell what it did": frozenset(
        {TicketScanned, CheckInUndone}
    ),
    "a code is a secret of its ticket's holder, and so is when it was issued anew": frozenset({CodeIssuedAnew}),
    "a claim is about the holder's wallet, which may be personal data": frozenset(
        {TicketClaimed, ClaimSigned, ClaimDone, ClaimLapsed}
    ),
    "a token on its way, or gone after its ticket, as ticket.minted and ticket.void tell": frozenset(
        {MetadataDrawn, MetadataPinned, TokenSigned, BurnSigned, TokenBurnt, TokenForgone}
    ),
    "a leaf is a proof in the place of a token, and is read where its ticket is": frozenset(
        {LeafRecorded, LeafEnded, TreeOpened, LeafAppended, LeafNullified, LeafDebtSettled, RootSigned, RootWritten}
    ),
}  # fmt: skip
INSIDE: frozenset[type[DomainEvent]] = frozenset().union(*REASONS.values())
