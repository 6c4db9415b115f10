"""Domain events that are deliberately told to nobody outside, by the reason; every other one has a mapping."""

from domain.access import api_key, endpoint, operator_act
from domain.catalog import changing, discount, show, show_cancellation, venue
from domain.core.aggregate import DomainEvent
from domain.money import books
from domain.orders import order, reopening
from domain.payments import disputed_refunds, follow_up, payment, refunds
from domain.payouts import payee, transfer
from domain.stock import allocation, buyer_limit, reservation
from domain.tickets import check_in, claiming, has_token, ticket, ticket_tree

REASONS: dict[str, frozenset[type[DomainEvent]]] = {
    "who may ask, and who asked: the matter of whoever holds the keys": frozenset({
        api_key.KeyCreated, api_key.KeyRotated, api_key.KeyRevoked, operator_act.OperatorActed,
    }),
    "the receiver itself: it would hear of its own address and secret": frozenset({
        endpoint.EndpointCreated, endpoint.EndpointChanged, endpoint.SecretRotated, endpoint.EndpointSwitchedOff,
        endpoint.EndpointSwitchedOn, endpoint.EndpointDeleted,
    }),
    "terms of later sales, which whoever set them knows; a sale tells the price at which it was made": frozenset({
        venue.VenueRegistered, venue.VenueZoneChanged, changing.ShowLimitsChanged, discount.DiscountCreated,
        discount.DiscountKeyUsed, discount.DiscountTermsChanged, discount.DiscountStopped,
        discount.DiscountClaimed, discount.DiscountReturned,
    }),
    "a step towards show.capacity_changed or show.refunded": frozenset({
        show.CapacityChangeBegun, show.GroupCapacityAdded, show.GroupResizeSigned, show.GroupSizeConfirmed,
        show_cancellation.ShowCancellationBegun, show_cancellation.ShowCancellationPaused,
        show_cancellation.ShowCancellationResumed,
    }),
    "no sale yet: order.confirmed or order.cancelled tells the end of a purchase that was placed": frozenset({
        order.PurchaseRequested, order.PurchaseRequestedAgain, order.PurchaseRefused, order.OrderPlaced,
        order.CheckoutOpened, order.HoldExtended, order.CancelRequested, order.OrderGivenUp, order.CaptureRequested,
        order.CaptureWaived, order.PaymentIntentRefused, reopening.PurchaseReopened, ticket.TicketReserved,
    }),
    "a decision about personal data, whose table alone is concerned": frozenset({
        order.BuyerErasureDecided, order.BuyerCorrectionDecided,
    }),
    "a purchase's payment at Stripe: outside it is the order's, the refund's or the dispute's": frozenset({
        payment.IntentCreated, payment.PaymentAuthorised, payment.PaymentProcessingBegun, payment.PaymentDeclined,
        payment.PaymentCancelled, payment.PaymentCaptured, payment.PaymentOwed, payment.PaymentRefunded,
        payment.StrayIntentFound, follow_up.FollowUpOpened, follow_up.FollowUpReopened, follow_up.FollowUpClosed,
    }),
    "how refunds of a purchase share its money; each refund tells its own amount": frozenset({
        refunds.RefundsOpened, refunds.RefundsPriced, refunds.RefundReduced, disputed_refunds.RefundOwedAgain,
        refunds.RefundExcessReturned,
    }),
    "entries of the books and of the venue's balance, which statements and payouts tell": frozenset({
        books.TransactionPosted, payee.PayeeNamed, payee.AccountConnected, payee.AccountChanged,
        payee.ShortfallNoted, payee.ShortfallNetted, transfer.TransferRequested, transfer.TransferRequestedAgain,
        transfer.TransferMade, transfer.TransferRefused, transfer.TransferReversed, transfer.ReversalRequested,
        transfer.ReversalRefused,
    }),
    "stock and shares of it: tickets that are issued or void tell the same of what was sold": frozenset({
        allocation.AllocationOpened, allocation.AllocationResized, allocation.HoldsPlaced,
        allocation.HoldConfirmed, allocation.HoldUnconfirmed, allocation.HoldEnded, allocation.SeatsRestocked,
        buyer_limit.AllowanceOpened, buyer_limit.TicketsClaimed, buyer_limit.ClaimSold, buyer_limit.ClaimReduced,
        buyer_limit.ClaimEnded,
    }),
    "an order of another shop, which makes, confirms and ends it itself": frozenset({
        reservation.ReservationMade, reservation.ReservationConfirmed, reservation.ReservationEnded,
    }),
    "a scan's record: ticket.checked_in and ticket.check_in_undone tell what it did": frozenset({
        check_in.TicketScanned, check_in.CheckInUndone,
    }),
    "a code is a secret of its ticket's holder, and so is when it was issued anew": frozenset({
        ticket.CodeIssuedAnew,
    }),
    "a claim is about the holder's wallet, which may be personal data": frozenset({
        claiming.TicketClaimed, claiming.ClaimSigned, claiming.ClaimDone, claiming.ClaimLapsed,
    }),
    "a token on its way, or gone after its ticket, as ticket.minted and ticket.void tell": frozenset({
        has_token.MetadataDrawn, has_token.MetadataPinned, has_token.TokenSigned, ticket.BurnSigned,
        ticket.TokenBurnt, ticket.TokenForgone,
    }),
    "a leaf is a proof in the place of a token, and is read where its ticket is": frozenset({
        ticket.LeafRecorded, ticket.LeafEnded, ticket_tree.TreeOpened, ticket_tree.LeafAppended,
        ticket_tree.LeafNullified, ticket_tree.LeafDebtSettled, ticket_tree.RootSigned, ticket_tree.RootWritten,
    }),
}  # fmt: skip
INSIDE: frozenset[type[DomainEvent]] = frozenset().union(*REASONS.values())
