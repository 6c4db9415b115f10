"""What a buyer's browser needs to know of this deployment before it shows a checkout."""

from typing_extensions import TypedDict

from api.http.guard import guarded_router, public
from api.http.problems import may_answer
from api.http.requests import Deps
from domain.money.currency import SUPPORTED, CurrencyRules, rules_of

router = guarded_router(prefix="/api/v1/config", tags=["config"])


class ConfigAnswer(TypedDict):
    """Stripe's publishable key of this deployment, null where none is set, and the rules of each currency.

    An amount in minor units has so many `decimals`, is a multiple of `step`, and is charged from `least_minor` to
    `most_minor`.
    """

    publishable_key: str | None
    currencies: dict[str, CurrencyRules]


@router.get("", openapi_extra=may_answer())
@public
async def read_config(deps: Deps) -> ConfigAnswer:
    """Return the publishable key with which a browser pays at Stripe, and what Stripe charges in each currency."""
    return {
        "publishable_key": deps.publishable_key or None,
        "currencies": {currency: rules_of(currency) for currency in sorted(SUPPORTED)},
    }
