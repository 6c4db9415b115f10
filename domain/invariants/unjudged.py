"""Events that change nothing judged by the invariants."""

from domain.access.api_key import KeyCreated, KeyRevoked, KeyRotated
from domain.access.operator_act import OperatorActed
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
from domain.catalog.venue import VenueRegistered
from domain.core.aggregate import DomainEvent
from domain.orders.order import (
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
    EntryUndone,
    TicketBlocked,
    TicketRedeemed,
    TicketUnblocked,
    TokenBurnt,
    TokenForgone,
)

UNJUDGED: frozenset[type[DomainEvent]] = frozenset(
    {
        KeyCreated,
        FollowUpClosed,
        FollowUpOpened,
        FollowUpReopened,
        KeyRevoked,
        KeyRotated,
        OperatorActed,
        DiscountKeyUsed,
        DiscountCreated,
        DiscountStopped,
        DiscountTermsChanged,
        CapacityChangeBegun,
        CapacityChangeEnded,
        GroupCapacityAdded,
        GroupResizeSigned,
        PriceChanged,
        SaleWindowChanged,
        ShowCalledOff,
        ShowWentOnSale,
        ShowCancellationBegun,
        ShowCancellationFinished,
        ShowCancellationPaused,
        ShowCancellationResumed,
        VenueRegistered,
        BuyerErasureDecided,
        CancelRequested,
        CaptureRequested,
        CaptureWaived,
        OrderConfirmed,
        PaymentIntentRefused,
        PaymentAuthorised,
        PaymentDeclined,
        PaymentProcessingBegun,
        RefundsOpened,
        RefundsPriced,
        AccountChanged,
        PayeeNamed,
        ShortfallNetted,
        ShortfallNoted,
        PayoutPaid,
        PayoutReturned,
        AllowanceOpened,
        ClaimEnded,
        ClaimReduced,
        ClaimSold,
        TicketsClaimed,
        MetadataDrawn,
        MetadataPinned,
        BurnSigned,
        TicketBlocked,
        TicketRedeemed,
        EntryUndone,
        CodeIssuedAnew,
        TicketScanned,
        CheckInUndone,
        TicketUnblocked,
        TokenBurnt,
        TokenForgone,
    }
)
