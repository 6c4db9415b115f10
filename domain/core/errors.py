"""Refusals: a business rule rejects a request. Typed, with data, final: never retried.

Refusal
├── SeatsUnavailable      sold-out              fewer seats are available than requested
├── HoldExpired           hold-expired          the deadline of the hold has passed
├── HoldReleased          hold-released         the hold was released or has expired
├── NotOnSale             not-on-sale           cancelled, outside the sale window, or not on chain yet
├── MintingUnfunded       minting-unfunded      the tokens of the tickets cannot be paid for now
├── NotChargeable         not-chargeable        Stripe cannot charge this amount, or this currency
├── DiscountRefused       discount-refused      unknown code, not valid now, used up, or for other tickets
├── PriceMoved            price-changed         the total differs from the expected one
├── CodeTaken             code-taken            the show already has a discount with this code
├── UnknownSubject        not-found             no such venue, show, ticket type, ticket or purchase
├── PurchaseCancelled     purchase-cancelled    the purchase was cancelled or has ended
├── CancelTooLate         cancel-too-late       the payment is being captured: request a refund
├── KeyReused             idempotency-key-reused  the same key with a different body
├── BuyerLimitReached     buyer-limit           the buyer would exceed a limit
├── BuyerNameNeeded       buyer-name-needed     holds without a named buyer have their share
├── ClientShareReached    client-share          this client holds its share of the seats
├── NotOurHold            not-our-hold          the hold was not made through this API
├── RefundNeeded          refund-needed         a paid ticket cannot be cancelled
├── RefundTooLate         refund-too-late       the show's time for buyers to give tickets back is over
├── RefundExceeds         refund-exceeds        the refund exceeds the refundable amount
├── PaymentDisputed       payment-disputed      the buyer's bank decides about the money
├── AlreadyEntered        ticket-redeemed       the ticket was already used for entry
├── NotAdmitted           not-admitted          the ticket gives no entry here and now
├── InvalidWallet         invalid-wallet        nobody's address on Solana
├── AlreadyClaimed        already-claimed       another wallet has claimed the ticket's token
├── NotInCustody          not-in-custody        the token was never in our custody
├── ChallengeExpired      challenge-expired     the text to sign is too old
├── SignatureInvalid      signature-invalid     the wallet has not signed this text
├── WrongState            wrong-state           the request does not fit the present state
├── WebhookForged         forged-webhook        a webhook that Stripe did not sign
└── PaymentRefused        payment-refused       Stripe refused the payment for good
"""

from typing import ClassVar

# A purchase refused for one of these reasons, before anything was held, frees its key.
FREES_KEY = frozenset({
    "sold-out", "not-on-sale", "not-found", "hold-expired", "discount-refused", "not-chargeable", "price-changed",
    "minting-unfunded",
})  # fmt: skip


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """A business rule rejects the request.

    `code` is stable and public; the first paragraph of the docstring and `remedy` (what the client can do) are
    published with it. `data` holds the values that were checked (no personal data).
    """

    code: ClassVar[str] = "refused"
    http_status: ClassVar[int] = 409
    remedy: ClassVar[str] = "Read `detail`; the same request is refused again."

    def __init__(self, message: str = "", **data: str | int | None) -> None:
        super().__init__(message or self.code)
        self.data = data


class SeatsUnavailable(Refusal):
    """Fewer seats are available than were requested."""

    code = "sold-out"
    remedy = "Request at most `values.available` seats, or another ticket type. The Idempotency-Key stays free."


class HoldExpired(Refusal):
    """The deadline of the hold has passed."""

    code = "hold-expired"
    remedy = "Start over with a new Idempotency-Key."


class HoldReleased(Refusal):
    """The hold was released or has expired, and the seats are back on sale."""

    code = "hold-released"
    remedy = "Start over with a new Idempotency-Key."


class NotOnSale(Refusal):
    """The show is cancelled, outside its sale window, or not registered on chain yet."""

    code = "not-on-sale"
    remedy = "Read the show: `state` says why, `sale_from` and `sale_until` when its sale is."


class MintingUnfunded(Refusal):
    """The tokens of the tickets cannot be paid for now: the payer of tokens has too little money.

    Only deployments that stop unfunded sales refuse for it; `values.available` tickets can be sold.
    """

    code = "minting-unfunded"
    remedy = "Nothing was held: request fewer tickets, or try again later. The Idempotency-Key stays free."


class NotChargeable(Refusal):
    """Stripe cannot charge this: too small or too large an amount, digits that no card carries, an unknown currency.

    Or the venue has fixed fees, but none in this currency.
    """

    code = "not-chargeable"
    http_status = 422
    remedy = (
        "Change the amount to a multiple of `values.step`, to at least `values.least` or to at most `values.most`, or"
        " choose another currency than `values.currency`."
    )


class DiscountRefused(Refusal):
    """The discount code does not apply to this order; `values.reason` says why."""

    code = "discount-refused"
    remedy = (
        "Read `values.reason`: not-found, stopped, not-yet-valid, no-longer-valid, used-up or other-tickets."
        " The key stays free."
    )


class PriceMoved(Refusal):
    """The total differs from the `expected_total_minor` of the request."""

    code = "price-changed"
    remedy = "Request a new quote, show the buyer the new total and send it as `expected_total_minor`."


class CodeTaken(Refusal):
    """The show already has a discount with this code."""

    code = "code-taken"
    remedy = "Choose another code."


class UnknownSubject(Refusal):
    """The venue, show, ticket type, ticket, discount, refund or purchase does not exist."""

    code = "not-found"
    http_status = 404
    remedy = "Check the ids of the request."


class PurchaseCancelled(Refusal):
    """The purchase was cancelled or has ended without a sale."""

    code = "purchase-cancelled"
    remedy = "Start a new purchase with a new Idempotency-Key."


class CancelTooLate(Refusal):
    """The payment is being captured or was captured, so the purchase can no longer be cancelled."""

    code = "cancel-too-late"
    remedy = "Request a refund instead."


class KeyReused(Refusal):
    """The Idempotency-Key was already used with a different body."""

    code = "idempotency-key-reused"
    remedy = "Repeat the original body, or use a new key."


class BuyerLimitReached(Refusal):
    """The buyer would exceed the limit of tickets for this show, or of open purchases; `values.limit` is the limit."""

    code = "buyer-limit"
    remedy = "Request fewer tickets, or wait until an open purchase has ended."


class BuyerNameNeeded(Refusal):
    """The show needs a named buyer, or purchases without one already hold their share of the seats, `values.limit`."""

    code = "buyer-name-needed"
    remedy = "Send the buyer's `email` or `wallet`, or wait until open purchases have ended."


class ClientShareReached(Refusal):
    """The client (an address or a key) already holds its share of the seats, `values.limit`, in open purchases."""

    code = "client-share"
    remedy = "Pay or cancel an open purchase, or wait until one has ended."


class NotOurHold(Refusal):
    """The hold or ticket was not made through this API."""

    code = "not-our-hold"
    remedy = "Use the API that made it; `values.purchase_id` names the purchase, if there is one."


class RefundNeeded(Refusal):
    """A paid ticket cannot be cancelled."""

    code = "refund-needed"
    remedy = "Request a refund of its purchase."


class RefundTooLate(Refusal):
    """The time in which the show's buyers may have tickets refunded by themselves is over."""

    code = "refund-too-late"
    remedy = "Ask the organiser: a key with the scope refund is not bound by it."


class RefundExceeds(Refusal):
    """The refund exceeds the refundable amount."""

    code = "refund-exceeds"
    remedy = "Request at most `values.left_minor`."


class PaymentDisputed(Refusal):
    """The payment is disputed: the buyer's bank holds the money or has returned it."""

    code = "payment-disputed"
    remedy = "Wait for the outcome of the dispute; a lost dispute has paid the buyer already."


class AlreadyEntered(Refusal):
    """The ticket was already used for entry."""

    code = "ticket-redeemed"
    remedy = (
        "At the door, read `values.entered_at` and `values.gate`. Only an operator can refund it, with `even_redeemed`."
    )


class NotAdmitted(Refusal):
    """The ticket gives no entry to this show at this time; `values.reason` says why."""

    code = "not-admitted"
    remedy = (
        "Read `values.reason`: wrong-show, show-cancelled, stale-generation, blocked (its payment is disputed), not-yet"
        " or over. Show the person the reason; the same scan can be admitted once it no longer holds."
    )


class InvalidWallet(Refusal):
    """The wallet is no address that somebody can sign for; `values.reason` says why."""

    code = "invalid-wallet"
    http_status = 422
    remedy = (
        "Read `values.reason`: not-an-address, program, low-order, off-curve, token-account or owned. Send the wallet's"
        " own address, or leave it out; a multisig vault cannot sign: a purchase names it, with `wallet_is_vault`."
    )


class AlreadyClaimed(Refusal):
    """The token of this ticket was claimed for another wallet; a ticket is claimed once."""

    code = "already-claimed"
    remedy = "Read the ticket: `claim` says how far the claim is. The holder of the token can move it on chain."


class NotInCustody(Refusal):
    """The token was minted to the wallet that its purchase named, so there is nothing to claim."""

    code = "not-in-custody"
    remedy = "Look at the wallet of the purchase; its holder can move the token on chain."


class ChallengeExpired(Refusal):
    """The text to sign is too old."""

    code = "challenge-expired"
    remedy = "Request a new text at `claim-challenges` and let the wallet sign it before `expires_at`."


class SignatureInvalid(Refusal):
    """The signature is not the wallet's over the text that was made for this ticket and wallet, and not used yet."""

    code = "signature-invalid"
    http_status = 422
    remedy = "Let the wallet sign `message` as it is, byte for byte, and send its signature with the same `nonce`."


class WrongState(Refusal):
    """The request does not fit the present state."""

    code = "wrong-state"
    remedy = "Read the resource again; `detail` and `values` say which state is required."


class WebhookForged(Refusal):
    """The webhook signature is missing, wrong or too old. Nothing is stored."""

    code = "forged-webhook"
    http_status = 400
    remedy = "Check the signing secret of the endpoint."


class PaymentRefused(Refusal):
    """Stripe refused the payment for good; `values.reason` is Stripe's code. Nothing is held or stays charged."""

    code = "payment-refused"
    http_status = 402
    remedy = "Read `values.reason`. If it is about the payment method, start a new purchase with another one."
