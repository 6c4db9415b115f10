"""Stripe's rules per currency: those it has, least and most of a charge, last digits that must be zero, dispute fee."""

from devstack.stripe.core.errors import invalid

AMOUNT_MINOR_MAX = 99_999_999
LARGEST_MINOR = {"idr": 999_999_999_999}
SUPPORTED = frozenset({
    "aed", "afn", "all", "amd", "ang", "aoa", "ars", "aud", "awg", "azn", "bam", "bbd", "bdt", "bhd", "bif", "bmd",
    "bnd", "bob", "brl", "bsd", "bwp", "byn", "bzd", "cad", "cdf", "chf", "clp", "cny", "cop", "crc", "cve", "czk",
    "djf", "dkk", "dop", "dzd", "egp", "etb", "eur", "fjd", "fkp", "gbp", "gel", "gip", "gmd", "gnf", "gtq", "gyd",
    "hkd", "hnl", "htg", "huf", "idr", "ils", "inr", "isk", "jmd", "jod", "jpy", "kes", "kgs", "khr", "kmf", "krw",
    "kwd", "kyd", "kzt", "lak", "lbp", "lkr", "lrd", "lsl", "mad", "mdl", "mga", "mkd", "mmk", "mnt", "mop", "mur",
    "mvr", "mwk", "mxn", "myr", "mzn", "nad", "ngn", "nio", "nok", "npr", "nzd", "omr", "pab", "pen", "pgk", "php",
    "pkr", "pln", "pyg", "qar", "ron", "rsd", "rub", "rwf", "sar", "sbd", "scr", "sek", "sgd", "shp", "sle", "sos",
    "srd", "std", "szl", "thb", "tjs", "tnd", "top", "try", "ttd", "twd", "tzs", "uah", "ugx", "usd", "uyu", "uzs",
    "vnd", "vuv", "wst", "xaf", "xcd", "xcg", "xof", "xpf", "yer", "zar", "zmw",
})  # fmt: skip
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
# Stripe takes these in hundredths although they have no decimals: the last two digits must be zero.
IN_HUNDREDS = frozenset({"isk", "ugx"})
SMALLEST_MINOR = {
    "usd": 50, "aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30,
    "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200,
    "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
    # For other currencies Stripe converts 50 US cents at the day's rate; here these are fixed.
    "bhd": 190, "jod": 360, "kwd": 160, "omr": 200, "tnd": 1600, "krw": 700, "isk": 7000, "ugx": 190_000,
}  # fmt: skip
_DISPUTE_FEE_MINOR = {"usd": 1500, "eur": 2000, "gbp": 2000, "chf": 2000, "krw": 20000}
_DISPUTE_FEE_ELSEWHERE_MINOR = 1500


def check_charge(amount_minor: int, currency: str) -> None:
    """Raise for an amount that cannot be charged."""
    most = LARGEST_MINOR.get(currency, AMOUNT_MINOR_MAX)
    if amount_minor > most:
        raise invalid(f"Amount must be no more than {most} in {currency}", code="amount_too_large", param="amount")
    least = SMALLEST_MINOR.get(currency, 1)
    if amount_minor < least:
        message = f"Amount must convert to at least 50 cents: at least {least} in {currency}."
        raise invalid(message, code="amount_too_small", param="amount")
    check_digits(amount_minor, currency, "amount")


def check_digits(amount_minor: int, currency: str, param: str) -> None:
    """Raise for an amount whose last digits the card networks do not allow in this currency."""
    step = 10 if currency in THREE_DECIMAL else 100 if currency in IN_HUNDREDS else 1
    if amount_minor % step:
        message = f"Invalid amount: {amount_minor} in {currency} has to be evenly divisible by {step}."
        raise invalid(message, code="parameter_invalid_integer", param=param)


def dispute_fee_minor(currency: str) -> int:
    """Return Stripe's fee for a dispute, which a won dispute does not return."""
    return _DISPUTE_FEE_MINOR.get(currency, _DISPUTE_FEE_ELSEWHERE_MINOR)
