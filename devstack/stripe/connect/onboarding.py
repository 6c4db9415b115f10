"""The states of onboarding of a connected account, and the fields of each."""

from devstack.stripe.core.errors import Json
from devstack.stripe.core.store import new_id

_FIRST_NEEDS = ["business_profile.url", "external_account", "tos_acceptance.date", "tos_acceptance.ip"]
_DOCUMENT = ["individual.verification.document"]


def _state(capability: str, *, submitted: bool = True, pays_out: bool = False, **requirements: object) -> Json:
    return {
        "capabilities": {"card_payments": capability, "transfers": capability},
        "charges_enabled": capability == "active", "payouts_enabled": pays_out, "details_submitted": submitted,
        "requirements": {
            "alternatives": [], "current_deadline": None, "currently_due": [], "disabled_reason": None, "errors": [],
            "eventually_due": [], "past_due": [], "pending_verification": [], **requirements,
        },
    }  # fmt: skip


def _due(names: list[str]) -> Json:
    return {"currently_due": names, "past_due": names, "eventually_due": names}


STATES: dict[str, Json] = {
    "complete": _state("active", pays_out=True),
    "new": _state("inactive", submitted=False, disabled_reason="requirements.past_due", **_due(_FIRST_NEEDS)),
    "pending": _state("pending", disabled_reason="requirements.pending_verification", pending_verification=_DOCUMENT),
    "payouts_paused": _state("active", disabled_reason="requirements.past_due", **_due(["external_account"])),
    "restricted": _state("inactive", disabled_reason="requirements.past_due", **_due(_DOCUMENT)),
    "rejected": _state("inactive", disabled_reason="rejected.fraud"),
}


def bank_accounts(account: Json) -> list[Json]:
    """Return an account's bank accounts for payouts: the known ones, and new ones; the default currency's first."""
    known = {bank["currency"]: bank for bank in account["external_accounts"]["data"]}
    currencies = account.get("_settles_in", list(dict.fromkeys((account["default_currency"], "eur"))))
    return [dict(known.get(currency) or _bank_account(account, currency)) for currency in currencies]


def _bank_account(account: Json, currency: str) -> Json:
    return {
        "id": new_id("ba_1").replace("ba_1_", "ba_1"), "object": "bank_account", "account": account["id"],
        "account_holder_name": None, "account_holder_type": None, "account_type": None,
        "bank_name": "STRIPE TEST BANK", "country": account["country"], "currency": currency,
        "default_for_currency": True, "fingerprint": new_id("x", 16)[2:], "last4": "6789", "metadata": {},
        "routing_number": "110000000", "status": "new",
    }  # fmt: skip


def set_state(account: Json, state: str) -> Json:
    """Set an account's fields to a state; with details submitted it has a bank account."""
    account |= STATES[state]
    asked = account.get("_asked") or list(account["capabilities"])
    account["capabilities"] = {name: given for name, given in account["capabilities"].items() if name in asked}
    if account["details_submitted"]:
        account["external_accounts"]["data"] = [bank | {"status": "new"} for bank in bank_accounts(account)]
    return account
