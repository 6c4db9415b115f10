"""Refusals: a rule said no. Typed, carrying data; never retried.

Refusal
├── SeatsUnavailable      sold-out              the stock does not have so many
├── HoldExpired           hold-expired          the hold ended before it was confirmed
├── HoldReleased          hold-released         a late hold meets its tombstone
├── NotOnSale             not-on-sale           not on chain yet, or outside of the sale window
├── NotChargeable         not-chargeable        the currency knows no charge of this amount
├── DiscountRefused       discount-refused      no such code, not valid now, used up, or for other tickets
├── PriceMoved            price-changed         the tickets no longer cost what the buyer saw
├── CodeTaken             code-taken            the show has a discount of this code already
├── UnknownSubject        not-found             no such venue, show, ticket type, ticket or purchase
├── PurchaseCancelled     purchase-cancelled    the buyer let it go
├── CancelTooLate         cancel-too-late       the capture has been requested
├── KeyReused             idempotency-key-reused  the same key with another body
├── BuyerLimitReached     buyer-limit           one buyer may not take so much
├── NotOurHold            not-our-hold          the hold was made by someone else
├── RefundNeeded          refund-needed         a paid ticket cannot be cancelled
├── RefundExceeds         refund-exceeds        more than is left of what was paid
├── PaymentDisputed       payment-disputed      the buyer's bank has the money: it decides who keeps it
├── AlreadyEntered        ticket-redeemed       somebody has entered with it
├── InvalidWallet         invalid-wallet        not a Solana address
├── WrongState            wrong-state           the step does not follow from the present state
├── WebhookForged         forged-webhook        a webhook that Stripe did not sign
└── PaymentRefused        payment-refused       Stripe said a final no
"""

from typing import ClassVar

# A purchase that was refused for one of these before anything was held frees its key.
FREES_KEY = frozenset({
    "sold-out", "not-on-sale", "not-found", "hold-expired", "discount-refused", "not-chargeable", "price-changed",
})  # fmt: skip


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """A rule said no. `code` is stable and public; `data` says which values it was about (no personal data)."""

    code: ClassVar[str] = "refused"
    http_status: ClassVar[int] = 409

    def __init__(self, message: str = "", **data: str | int | None) -> None:
        super().__init__(message or self.code)
        self.data = data


class SeatsUnavailable(Refusal):
    """The stock does not have so many."""

    code = "sold-out"


class HoldExpired(Refusal):
    """The hold ended before it was confirmed."""

    code = "hold-expired"


class HoldReleased(Refusal):
    """A late hold meets the tombstone of its release."""

    code = "hold-released"


class NotOnSale(Refusal):
    """The show's on-chain group does not exist yet, or it is outside of the sale window."""

    code = "not-on-sale"


class NotChargeable(Refusal):
    """The currency knows no charge of this amount: too small, or digits that cannot be charged."""

    code = "not-chargeable"
    http_status = 422


class DiscountRefused(Refusal):
    """The code does not help here; `reason` is not-found, not-yet-valid, no-longer-valid, used-up or other-tickets."""

    code = "discount-refused"


class PriceMoved(Refusal):
    """The tickets no longer cost what the buyer saw."""

    code = "price-changed"


class CodeTaken(Refusal):
    """The show has a discount of this code already."""

    code = "code-taken"


class UnknownSubject(Refusal):
    """There is no such venue, show, ticket type, ticket or purchase."""

    code = "not-found"
    http_status = 404


class PurchaseCancelled(Refusal):
    """The buyer let the purchase go."""

    code = "purchase-cancelled"


class CancelTooLate(Refusal):
    """The capture has been requested: from here giving money back is a refund."""

    code = "cancel-too-late"


class KeyReused(Refusal):
    """The same Idempotency-Key came with another body."""

    code = "idempotency-key-reused"


class BuyerLimitReached(Refusal):
    """One named buyer may not take so many tickets of a show, or hold so much at once."""

    code = "buyer-limit"


class NotOurHold(Refusal):
    """The hold was made by someone else."""

    code = "not-our-hold"


class RefundNeeded(Refusal):
    """A paid ticket is given back by a refund, not by a cancel."""

    code = "refund-needed"


class RefundExceeds(Refusal):
    """More is to be given back than is left of what was paid."""

    code = "refund-exceeds"


class PaymentDisputed(Refusal):
    """The buyer's bank has taken the money back and decides who keeps it; a refund on top would give it twice."""

    code = "payment-disputed"


class AlreadyEntered(Refusal):
    """Somebody has entered with the ticket: only an operator gives its money back."""

    code = "ticket-redeemed"


class InvalidWallet(Refusal):
    """The wallet is not an address on the curve."""

    code = "invalid-wallet"
    http_status = 422


class WrongState(Refusal):
    """The step does not follow from the present state."""

    code = "wrong-state"


class WebhookForged(Refusal):
    """The signature is absent, wrong or too old, or the body is no event: nothing is stored."""

    code = "forged-webhook"
    http_status = 400


class PaymentRefused(Refusal):
    """Stripe said a final no; `reason` is Stripe's own code."""

    code = "payment-refused"
    http_status = 402
