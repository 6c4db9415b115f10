"""Currencies: the decimals of their amounts, and the chargeable amounts."""

from domain.core.errors import NotChargeable

DECIMALS_USUAL = 2
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
    """Raise NotChargeable for a total that no card can be charged; zero is allowed."""
    check_digits(amount_minor, currency)
    least = SMALLEST_MINOR.get(currency, 0)
    if 0 < amount_minor < least:
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
