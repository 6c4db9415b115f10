"""Events that change nothing judged by the invariants."""

from domain.access.api_key import KeyCreated, KeyRevoked, KeyRotated
from domain.catalog.discount import DiscountCreated, DiscountKeyUsed
from domain.catalog.show import (
    CapacityChangeBegun,
    CapacityChangeEnded,
    GroupCapacityAdded,
    GroupResizeSigned,
    PriceChanged,
    SaleWindowChanged,
    ShowAnnounced,
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
from domain.orders.order import CancelRequested, CaptureRequested, CaptureWaived, OrderConfirmed
from domain.payments.dispute import DisputeOpened, DisputeWon
from domain.payments.payment import PaymentAuthorised, PaymentDeclined
from domain.payments.refund import RefundsOpened
from domain.payouts.payee import AccountChanged, AccountConnected, PayeeNamed, ShortfallNetted, ShortfallNoted
from domain.payouts.payout import PayoutPaid, PayoutReturned
from domain.payouts.transfer import (
    ReversalRefused,
    ReversalRequested,
    TransferMade,
    TransferRefused,
    TransferRequested,
    TransferRequestedAgain,
    TransferReversed,
)
from domain.stock.buyer_limit import AllowanceOpened, ClaimEnded, ClaimSold, TicketsClaimed
from domain.tickets.has_token import MetadataDrawn, MetadataPinned, TokenSigned
from domain.tickets.ticket import BurnSigned, TicketBlocked, TicketRedeemed, TicketUnblocked, TokenBurnt, TokenForgone

UNJUDGED: frozenset[type[DomainEvent]] = frozenset(
    {
        KeyCreated,
        KeyRevoked,
        KeyRotated,
        DiscountKeyUsed,
        DiscountCreated,
        CapacityChangeBegun,
        CapacityChangeEnded,
        GroupCapacityAdded,
        GroupResizeSigned,
        PriceChanged,
        SaleWindowChanged,
        ShowAnnounced,
        ShowCalledOff,
        ShowWentOnSale,
        ShowCancellationBegun,
        ShowCancellationFinished,
        ShowCancellationPaused,
        ShowCancellationResumed,
        VenueRegistered,
        CancelRequested,
        CaptureRequested,
        CaptureWaived,
        OrderConfirmed,
        DisputeOpened,
        DisputeWon,
        PaymentAuthorised,
        PaymentDeclined,
        RefundsOpened,
        AccountChanged,
        AccountConnected,
        PayeeNamed,
        ShortfallNetted,
        ShortfallNoted,
        PayoutPaid,
        PayoutReturned,
        ReversalRefused,
        ReversalRequested,
        TransferMade,
        TransferRefused,
        TransferRequested,
        TransferRequestedAgain,
        TransferReversed,
        AllowanceOpened,
        ClaimEnded,
        ClaimSold,
        TicketsClaimed,
        MetadataDrawn,
        MetadataPinned,
        TokenSigned,
        BurnSigned,
        TicketBlocked,
        TicketRedeemed,
        TicketUnblocked,
        TokenBurnt,
        TokenForgone,
    }
)
