"""Connected accounts and account links: create, update, retrieve, list; a switch sets the state of onboarding."""

from typing import Any

from devstack.stripe.connect.access import check_access
from devstack.stripe.connect.onboarding import STATES, bank_accounts, set_state
from devstack.stripe.connect.requested import CURRENCIES, controller_of, requested
from devstack.stripe.core.calls import LIST_COMMON, Call, Endpoint
from devstack.stripe.core.errors import Json, invalid, missing_parameter
from devstack.stripe.core.forms import choice, metadata, required_text
from devstack.stripe.core.listing import page
from devstack.stripe.core.store import new_id
from devstack.stripe.webhooks.events import emit

LINK_SECONDS = 300
TYPES = ("express", "standard", "custom", "none")
_TEXTS = ("email", "business_type", "default_currency")
_CREATE = frozenset({
    "type", "country", "business_profile", "capabilities", "controller", "metadata", "settings", "tos_acceptance",
    *_TEXTS,
})  # fmt: skip
_UPDATE = frozenset({"business_profile", "capabilities", "metadata", "settings", *_TEXTS})
# The settings of an account that nobody has opened in Stripe's dashboard.
_UNBRANDED: Json = {
    "branding": dict.fromkeys(("icon", "logo", "primary_color", "secondary_color")),
    "card_payments": {
        "decline_on": {"avs_failure": False, "cvc_failure": False},
        "statement_descriptor_prefix": None,
        "statement_descriptor_prefix_kana": None,
        "statement_descriptor_prefix_kanji": None,
    },
    "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
    "payments": dict.fromkeys((
        "statement_descriptor", "statement_descriptor_kana", "statement_descriptor_kanji",
        "statement_descriptor_prefix_kana", "statement_descriptor_prefix_kanji",
    )),
}  # fmt: skip
_LINK = frozenset({"account", "refresh_url", "return_url", "type", "collect", "collection_options"})


def create_account(call: Call) -> Json:
    """Create a connected account; the setting `onboarding` gives its first state, complete by default."""
    account_id = new_id("acct_1", 16).replace("acct_1_", "acct_1")
    country = str(call.params.get("country", "US"))
    controller, capabilities = controller_of(call.params), requested(call.params)
    account = {
        "id": account_id, "object": "account", "created": call.now, "country": country,
        "business_profile": _named(call.params, "business_profile"), "business_type": call.params.get("business_type"),
        "controller": controller,
        "default_currency": str(call.params.get("default_currency", CURRENCIES.get(country, "usd"))).lower(),
        "email": call.params.get("email"), "metadata": metadata(call.params), "settings": _settings(call.params, None),
        "external_accounts": {
            "object": "list", "data": [], "has_more": False, "url": f"/v1/accounts/{account_id}/external_accounts",
        },
        "type": "none" if "controller" in call.params else choice(call.params, "type", TYPES), "_asked": capabilities,
    }  # fmt: skip
    return call.store.add(set_state(account, call.store.setting("onboarding", "complete")))


def _named(params: Json, name: str) -> Json:
    given = params.get(name) or {}
    if not isinstance(given, dict):
        raise invalid("Invalid hash", param=name)
    return given


def _settings(params: Json, before: Json | None) -> Json:
    """Read the payout schedule: `manual`, or an interval (automatic payouts are made by a switch)."""
    schedule: Json = dict((before or {}).get("payouts", {}).get("schedule", {"interval": "daily", "delay_days": 2}))
    payouts: Any = _named(params, "settings").get("payouts", {})
    given = payouts.get("schedule", {}) if isinstance(payouts, dict) else {}
    if "interval" in given:
        schedule["interval"] = choice(given, "interval", (schedule["interval"], "manual", "daily", "weekly", "monthly"))
    return {
        **_UNBRANDED,
        "payouts": {"schedule": schedule, "debit_negative_balances": True, "statement_descriptor": None},
    }


def update_account(call: Call) -> Json:
    """Update metadata, contacts and the payout schedule."""
    check_access(call.store, call.subject)
    account = call.store.get("account", call.subject)
    before = dict(account)
    account |= {name: call.params[name] for name in _TEXTS if name in call.params}
    account["metadata"] = metadata(call.params, account["metadata"])
    account["settings"] = _settings(call.params, account.get("settings"))
    if "business_profile" in call.params:
        account["business_profile"] = {**account["business_profile"], **_named(call.params, "business_profile")}
    return _changed(call, account, before)


def _changed(call: Call, account: Json, before: Json) -> Json:
    emit(call, "account.updated", call.store.save(account), account=account["id"], before=before)
    return account


def onboard(call: Call) -> Json:
    """Set an account's state of onboarding, and emit the event."""
    account = call.store.get("account", call.subject)
    before = dict(account)
    return _changed(call, set_state(account, choice(call.params, "state", tuple(STATES))), before)


def settle_in(call: Call) -> Json:
    """Give an account bank accounts in these `currencies`, with commas; the first one is its default."""
    account = call.store.get("account", call.subject)
    before = dict(account)
    account["_settles_in"] = required_text(call.params, "currencies").lower().split(",")
    account["default_currency"] = account["_settles_in"][0]
    account["external_accounts"]["data"] = bank_accounts(account)
    return _changed(call, account, before)


def disable_bank_account(call: Call, account_id: str) -> None:
    """Pause payouts after the bank refused one, until onboarding is completed again."""
    account = call.store.get("account", account_id)
    before = dict(account)
    set_state(account, "payouts_paused")
    account["external_accounts"]["data"] = [bank_accounts(account)[0] | {"status": "errored"}]
    emit(call, "account.external_account.updated", account["external_accounts"]["data"][0], account=account_id)
    _changed(call, account, before)


def retrieve_account(call: Call) -> Json:
    """Return one connected account; an account may retrieve itself."""
    if call.account not in {"", call.subject}:
        raise invalid("An account can only retrieve itself.", code="account_invalid")
    check_access(call.store, call.subject)
    return call.store.get("account", call.subject)


def list_accounts(call: Call) -> Json:
    """List the connected accounts."""
    return page(call, "account", "/v1/accounts")


def create_link(call: Call) -> Json:
    """Return a link to Stripe's onboarding form; it leads nowhere here, a switch completes onboarding instead."""
    account = call.store.get("account", required_text(call.params, "account"), "account")
    check_access(call.store, account["id"])
    kind = choice(call.params, "type", ("account_onboarding", "account_update"))
    for name in ("type", "refresh_url", "return_url"):
        if name not in call.params:
            raise missing_parameter(name)
    word = "e" if kind == "account_onboarding" else "s"
    url = f"https://connect.stripe.com/setup/{word}/{account['id']}/{new_id('l', 12)}"
    return {"object": "account_link", "created": call.now, "expires_at": call.now + LINK_SECONDS, "url": url}


ENDPOINTS = (
    Endpoint("POST", "/v1/accounts", create_account, _CREATE),
    Endpoint("GET", "/v1/accounts", list_accounts, LIST_COMMON),
    Endpoint("GET", "/v1/accounts/*", retrieve_account, open_to_accounts=True),
    Endpoint("POST", "/v1/accounts/*", update_account, _UPDATE),
    Endpoint("POST", "/v1/account_links", create_link, _LINK),
)
SWITCHES = (
    Endpoint("POST", "/accounts/*/onboard", onboard, frozenset({"state"})),
    Endpoint("POST", "/accounts/*/settle_in", settle_in, frozenset({"currencies"})),
)
