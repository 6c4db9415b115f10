"""Events that change nothing judged by the invariants, by the reason."""

from domain.access import api_key, endpoint, operator_act
from domain.catalog import changing, discount, show, show_cancellation, venue
from domain.core.aggregate import DomainEvent
from domain.orders import order
from domain.payments import follow_up, payment, refunds
from domain.payouts import payee, payout
from domain.stock import buyer_limit
from domain.tickets import check_in, has_token, ticket

REASONS: dict[str, frozenset[type[DomainEvent]]] = {
    "who may ask, and who asked: neither seats, tickets nor money": frozenset({
        api_key.KeyCreated, api_key.KeyRotated, api_key.KeyRevoked, operator_act.OperatorActed,
    }),
    "to whom events are sent; what is sent is read from events that are judged": frozenset({
        endpoint.EndpointCreated, endpoint.EndpointChanged, endpoint.SecretRotated, endpoint.EndpointSwitchedOff,
        endpoint.EndpointSwitchedOn, endpoint.EndpointDeleted,
    }),
    "the venue's texts, times and terms of later sales; a sale has its own price, which is judged": frozenset({
        venue.VenueRegistered, venue.VenueZoneChanged, show.ShowWentOnSale, show.ShowCalledOff,
        changing.ShowDetailsChanged, changing.ShowLimitsChanged, show.PriceChanged, show.SaleWindowChanged,
        discount.DiscountCreated, discount.DiscountKeyUsed, discount.DiscountTermsChanged, discount.DiscountStopped,
    }),
    "a plan: the resized stock itself is judged, and the group on chain": frozenset({
        show.CapacityChangeBegun, show.CapacityChangeEnded, show.GroupCapacityAdded, show.GroupResizeSigned,
        show.GroupSizeConfirmed,
    }),
    "a run over the orders of a cancelled show; each refund is judged": frozenset({
        show_cancellation.ShowCancellationBegun, show_cancellation.ShowCancellationPaused,
        show_cancellation.ShowCancellationResumed, show_cancellation.ShowCancellationFinished,
    }),
    "personal data, which no event holds": frozenset({
        order.BuyerErasureDecided, order.BuyerCorrectionDecided,
    }),
    "a step on the way; the end of the purchase and its money at Stripe are judged": frozenset({
        order.CancelRequested, order.OrderGivenUp, order.CaptureRequested, order.CaptureWaived, order.OrderConfirmed,
        order.PaymentIntentRefused, payment.PaymentAuthorised, payment.PaymentDeclined,
        payment.PaymentProcessingBegun, refunds.RefundsOpened, refunds.RefundsPriced,
    }),
    "money that comes later: what it is owed by and paid with is judged from the books": frozenset({
        follow_up.FollowUpOpened, follow_up.FollowUpReopened, follow_up.FollowUpClosed, payee.PayeeNamed,
        payee.AccountChanged, payee.ShortfallNoted, payee.ShortfallNetted, payout.PayoutPaid, payout.PayoutReturned,
    }),
    "a buyer's share of the stock, which is no stock": frozenset({
        buyer_limit.AllowanceOpened, buyer_limit.TicketsClaimed, buyer_limit.ClaimSold, buyer_limit.ClaimReduced,
        buyer_limit.ClaimEnded,
    }),
    "files that a token names, and the end of a token: the supply on chain is judged": frozenset({
        has_token.MetadataDrawn, has_token.MetadataPinned, ticket.BurnSigned, ticket.TokenBurnt,
        ticket.TokenForgone,
    }),
    "refusals at the door, and the record of a scan: the entry by the ticket itself is judged": frozenset({
        ticket.TicketBlocked, ticket.TicketUnblocked, ticket.CodeIssuedAnew, check_in.TicketScanned,
        check_in.CheckInUndone,
    }),
}  # fmt: skip
UNJUDGED: frozenset[type[DomainEvent]] = frozenset().union(*REASONS.values())
