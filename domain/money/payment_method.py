"""Payment methods that a show may name, and those that Stripe can authorise first.

Source: docs.stripe.com/payments/payment-methods/payment-method-support. Vouchers (boleto, konbini, multibanco, oxxo)
are left out: they wait for the buyer for days with an unpaid intent, for which no seat is held. So are methods that
need a customer or a terminal.
"""

from collections.abc import Sequence
from typing import Literal

from domain.core.errors import WrongState

PaymentMethod = Literal[
    "acss_debit", "affirm", "afterpay_clearpay", "alipay", "alma", "amazon_pay", "au_becs_debit", "bacs_debit",
    "bancontact", "billie", "blik", "card", "cashapp", "eps", "fpx", "grabpay", "ideal", "kakao_pay", "klarna",
    "kr_card", "link", "mb_way", "mobilepay", "naver_pay", "nz_bank_account", "p24", "pay_by_bank", "payco",
    "paynow", "paypal", "pix", "promptpay", "revolut_pay", "samsung_pay", "satispay", "sepa_debit", "swish",
    "twint", "upi", "us_bank_account", "wechat_pay", "wero", "zip",
]  # fmt: skip
# These can be authorised first and captured later; any other takes the money at once.
AUTHORISED_FIRST = frozenset({
    "affirm", "afterpay_clearpay", "alma", "amazon_pay", "billie", "card", "cashapp", "klarna", "link", "mobilepay",
    "paypal", "revolut_pay",
})  # fmt: skip


def check_methods(methods: Sequence[str], capture_method: str) -> None:
    """Raise WrongState for methods that cannot be captured in this way."""
    at_once = sorted(set(methods) - AUTHORISED_FIRST)
    if capture_method == "manual" and at_once:
        raise WrongState(
            f"{', '.join(at_once)} cannot be authorised first: set capture_method to automatic, or leave them out",
            capture_method=capture_method,
        )
