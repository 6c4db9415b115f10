"""What Stripe says of currencies: the smallest charge, the last digits that have to be zero, the fee of a dispute."""

from devstack.stripe.errors import invalid

AMOUNT_MINOR_MAX = 99_999_999
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
# Stripe takes these in hundredths although they have none: the last two digits have to be zero.
IN_HUNDREDS = frozenset({"isk", "ugx"})
SMALLEST_MINOR = {
    "usd": 50, "aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30,
    "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200,
    "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
    # Elsewhere the smallest charge is what converts to fifty American cents; for these it is fixed here.
    "bhd": 190, "jod": 360, "kwd": 160, "omr": 200, "tnd": 1600, "krw": 700, "isk": 7000, "ugx": 190_000,
}  # fmt: skip
_DISPUTE_FEE_MINOR = {"usd": 1500, "eur": 2000, "gbp": 2000, "chf": 2000, "krw": 20000}
_DISPUTE_FEE_ELSEWHERE_MINOR = 1500


def check_charge(amount_minor: int, currency: str) -> None:
    """Refuse an amount that cannot be charged."""
    if amount_minor > AMOUNT_MINOR_MAX:
        raise invalid("Amount must be no more than $999,999.99", code="amount_too_large", param="amount")
    least = SMALLEST_MINOR.get(currency, 1)
    if amount_minor < least:
        message = f"Amount must convert to at least 50 cents: at least {least} in {currency}."
        raise invalid(message, code="amount_too_small", param="amount")
    check_digits(amount_minor, currency, "amount")


def check_digits(amount_minor: int, currency: str, param: str) -> None:
    """Refuse an amount whose last digits the card networks cannot carry in this currency."""
    step = 10 if currency in THREE_DECIMAL else 100 if currency in IN_HUNDREDS else 1
    if amount_minor % step:
        message = f"Invalid amount: {amount_minor} in {currency} has to be evenly divisible by {step}."
        raise invalid(message, code="parameter_invalid_integer", param=param)


def dispute_fee_minor(currency: str) -> int:
    """Return what Stripe takes for a dispute that was received; it is not given back when the dispute is won."""
    return _DISPUTE_FEE_MINOR.get(currency, _DISPUTE_FEE_ELSEWHERE_MINOR)
