"""Currencies: those that Stripe has, the decimals of their amounts, and the chargeable amounts.

Source: docs.stripe.com/currencies (presentment currencies, zero-decimal currencies, special cases, minimum and maximum
charge amounts). A test compares the decimals with ISO 4217.
"""

from typing_extensions import TypedDict

from domain.core.errors import NotChargeable

DECIMALS_USUAL = 2
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
ZERO_DECIMAL = frozenset({
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf",
})  # fmt: skip
# The card networks carry two decimals of these: the last digit has to be zero.
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
# Stripe takes these in hundredths although they have none: the last two digits have to be zero.
IN_HUNDREDS = frozenset({"isk", "ugx"})
# The smallest charge; for a currency that is not listed, Stripe converts and decides.
SMALLEST_MINOR = {
    "usd": 50, "aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30,
    "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200,
    "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
    "bhd": 190, "jod": 360, "kwd": 160, "omr": 200, "tnd": 1600, "krw": 700, "isk": 7000, "ugx": 190_000,
}  # fmt: skip
# The largest charge has eight digits, whatever they are worth; twelve in rupiah.
LARGEST_MINOR_USUAL = 99_999_999
LARGEST_MINOR = {"idr": 999_999_999_999}


class CurrencyRules(TypedDict):
    """The amounts of a currency that can be charged, in minor units."""

    decimals: int
    step: int
    least_minor: int
    most_minor: int


def rules_of(currency: str) -> CurrencyRules:
    """Return the rules of a currency."""
    return {
        "decimals": decimals_of(currency),
        "step": step_of(currency),
        "least_minor": SMALLEST_MINOR.get(currency, step_of(currency)),
        "most_minor": LARGEST_MINOR.get(currency, LARGEST_MINOR_USUAL),
    }


def check_currency(currency: str) -> None:
    """Raise NotChargeable for a currency that Stripe does not have."""
    if currency not in SUPPORTED:
        raise NotChargeable(f"Stripe charges nothing in {currency}: it has no such currency", currency=currency)


def decimals_of(currency: str) -> int:
    """Return the number of decimals of an amount in minor units."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else DECIMALS_USUAL


def step_of(currency: str) -> int:
    """Return the smallest difference between two chargeable amounts; every part of a price is a multiple of it."""
    if currency in THREE_DECIMAL:
        return 10
    return 100 if currency in IN_HUNDREDS else 1


def check_digits(amount_minor: int, currency: str) -> None:
    """Raise NotChargeable for an amount whose last digits cannot be charged in this currency."""
    step = step_of(currency)
    if amount_minor % step:
        raise NotChargeable(
            f"{amount_minor} minor units cannot be charged in {currency}: the amount must be a multiple of {step}",
            amount_minor=amount_minor,
            step=step,
        )


def check_charge(amount_minor: int, currency: str) -> None:
    """Raise NotChargeable for a total that Stripe cannot charge; zero is allowed, as nothing is charged then."""
    check_digits(amount_minor, currency)
    if not amount_minor:
        return
    check_currency(currency)
    most = LARGEST_MINOR.get(currency, LARGEST_MINOR_USUAL)
    if amount_minor > most:
        raise NotChargeable(
            f"{amount_minor} minor units are above the largest charge in {currency}, which is {most}",
            amount_minor=amount_minor,
            most=most,
        )
    least = SMALLEST_MINOR.get(currency, 0)
    if amount_minor < least:
        raise NotChargeable(
            f"{amount_minor} minor units are below the smallest charge in {currency}, which is {least}",
            amount_minor=amount_minor,
            least=least,
        )


def shown(amount_minor: int, currency: str) -> str:
    """Return an amount in the currency's major unit for display: 1208 cents are `12.08`."""
    decimals = decimals_of(currency)
    sign, (whole, rest) = "-" if amount_minor < 0 else "", divmod(abs(amount_minor), 10**decimals)
    return f"{sign}{whole}.{rest:0{decimals}}" if decimals else f"{sign}{whole}"


def money(amount_minor: int, currency: str | None) -> str:
    """Return an amount as people read it: 2500 and eur become `25.00 EUR`; where no currency is known, minor units."""
    return f"{shown(amount_minor, currency)} {currency.upper()}" if currency else f"{amount_minor} minor units"
