"""Connected accounts, and transfers of the platform's balance to them."""

from devstack.stripe.calls import LIST_COMMON, Call, Endpoint
from devstack.stripe.errors import Json, invalid
from devstack.stripe.forms import choice, metadata, needed_integer, needed_text
from devstack.stripe.ledger import book, sums
from devstack.stripe.listing import page
from devstack.stripe.store import opaque

_ACCOUNT = frozenset({
    "type", "country", "email", "business_type", "business_profile", "capabilities", "controller", "metadata",
    "default_currency",
})  # fmt: skip
_TRANSFER = frozenset({
    "amount", "currency", "destination", "description", "metadata", "source_transaction", "transfer_group",
})  # fmt: skip


def create_account(call: Call) -> Json:
    """Make a connected account, ready to take money: nobody has to fill in a form here."""
    return call.store.add({
        "id": opaque("acct_1", 16).replace("acct_1_", "acct_1"), "object": "account", "created": call.now,
        "business_type": call.params.get("business_type"),
        "capabilities": {"transfers": "active", "card_payments": "active"},
        "charges_enabled": True, "country": call.params.get("country", "US"), "details_submitted": True,
        "default_currency": call.params.get("default_currency", "usd"), "email": call.params.get("email"),
        "metadata": metadata(call.params), "payouts_enabled": True,
        "type": choice(call.params, "type", ("express", "standard", "custom", "none")),
    })  # fmt: skip


def retrieve_account(call: Call) -> Json:
    """Answer one connected account."""
    return call.store.get("account", call.subject)


def list_accounts(call: Call) -> Json:
    """Answer the connected accounts."""
    return page(call, "account", "/v1/accounts")


def create_transfer(call: Call) -> Json:
    """Move balance to a connected account: from one charge's money, or from what is available."""
    amount = needed_integer(call.params, "amount")
    currency = needed_text(call.params, "currency").lower()
    destination = call.store.get("account", needed_text(call.params, "destination"), "destination")
    available_on, group = call.now, call.params.get("transfer_group")
    origin = needed_text(call.params, "source_transaction") if "source_transaction" in call.params else None
    if origin is None:
        if sums(call, "").get(currency, (0, 0))[0] < amount:
            raise _insufficient("You have insufficient available funds in your Stripe account.")
    else:
        charge = call.store.get("charge", origin, "source_transaction")
        available_on = _available_on(call, charge, amount, currency)
        group = group or charge["transfer_group"]
    transfer = {
        "id": opaque("tr_3", 22).replace("tr_3_", "tr_3"), "object": "transfer", "amount": amount,
        "amount_reversed": 0, "created": call.now, "currency": currency,
        "description": call.params.get("description"), "destination": destination["id"],
        "destination_payment": opaque("py"), "livemode": False, "metadata": metadata(call.params),
        "reversals": {"object": "list", "data": [], "has_more": False, "url": "/v1/transfers"}, "reversed": False,
        "source_transaction": origin, "source_type": "card", "transfer_group": group,
    }  # fmt: skip
    entry = book(call, "transfer", transfer, -amount, available_on=available_on)
    payment = {"id": transfer["destination_payment"], "currency": currency}
    book(call, "payment", payment, amount, available_on=available_on, account=destination["id"])
    return call.store.add({**transfer, "balance_transaction": entry["id"]})


def _available_on(call: Call, charge: Json, amount: int, currency: str) -> int:
    if not charge["captured"] or charge["currency"] != currency:
        message = "The source_transaction has to be a captured charge in the transfer's currency."
        raise invalid(message, param="source_transaction")
    where = "json_extract(body, '$.source_transaction') = ?"
    before = sum(
        row["amount"] - row["amount_reversed"] for row in call.store.select("transfer", where, (charge["id"],))
    )
    if before + amount > charge["amount_captured"]:
        message = "The transfers of this charge would exceed its amount."
        raise invalid(message, code="transfers_exceed_source_transaction", param="source_transaction")
    return int(call.store.get("balance_transaction", charge["balance_transaction"])["available_on"])


def _insufficient(message: str) -> Exception:
    return invalid(message, code="balance_insufficient")


def retrieve_transfer(call: Call) -> Json:
    """Answer one transfer."""
    return call.store.get("transfer", call.subject)


def list_transfers(call: Call) -> Json:
    """Answer the transfers, by destination or transfer group."""
    return page(call, "transfer", "/v1/transfers", ("destination", "transfer_group"))


ENDPOINTS = (
    Endpoint("POST", "/v1/accounts", create_account, _ACCOUNT),
    Endpoint("GET", "/v1/accounts", list_accounts, LIST_COMMON),
    Endpoint("GET", "/v1/accounts/*", retrieve_account),
    Endpoint("POST", "/v1/transfers", create_transfer, _TRANSFER),
    Endpoint("GET", "/v1/transfers", list_transfers, LIST_COMMON | {"destination", "transfer_group"}),
    Endpoint("GET", "/v1/transfers/*", retrieve_transfer),
)
