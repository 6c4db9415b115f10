"""What a platform may ask for when it makes an account: controller properties, capabilities, the agreement."""

from typing import Any

from devstack.stripe.core.errors import Json, invalid
from devstack.stripe.core.forms import boolean

CURRENCIES = {
    "AT": "eur", "BE": "eur", "BR": "brl", "CA": "cad", "CH": "chf", "DE": "eur", "ES": "eur", "FR": "eur", "GB": "gbp",
    "IE": "eur", "IT": "eur", "JP": "jpy", "NL": "eur", "PL": "pln", "US": "usd",
}  # fmt: skip
EXPRESS: Json = {
    "fees": {"payer": "application"}, "losses": {"payments": "application"}, "requirement_collection": "stripe",
    "stripe_dashboard": {"type": "express"},
}  # fmt: skip


def controller_of(params: Json) -> Json:
    """Return the controller of a new account; `type` and `controller` exclude each other."""
    if "controller" in params and "type" in params:
        raise invalid("You may only specify one of these parameters: type, controller.", param="controller")
    given: Any = params.get("controller") or {}
    return {"type": "application", "is_controller": True, **EXPRESS, **given}


def requested(params: Json) -> list[str]:
    """Return the requested capabilities.

    A platform is not given `transfers` without `card_payments`, unless the account is a recipient; a recipient cannot
    take card payments.
    """
    given: Any = params.get("capabilities") or {}
    asked = [name for name, wanted in given.items() if boolean(wanted.get("requested"))]
    agreement = (params.get("tos_acceptance") or {}).get("service_agreement", "full")
    if agreement == "recipient" and "card_payments" in asked:
        raise invalid(
            "Accounts under the recipient service agreement cannot request card_payments.", param="capabilities"
        )
    if agreement != "recipient" and "transfers" in asked and "card_payments" not in asked:
        message = "Your platform needs approval for accounts to have requested the `transfers` capability without the"
        raise invalid(f"{message} `card_payments` capability.", param="capabilities")
    return asked
