"""Transfers of the platform's balance to connected accounts."""

from devstack.stripe.calls import LIST_COMMON, Call, Endpoint
from devstack.stripe.errors import Json, invalid
from devstack.stripe.events import tell
from devstack.stripe.forms import metadata, needed_integer, needed_text
from devstack.stripe.ledger import book, sums
from devstack.stripe.listing import page
from devstack.stripe.store import opaque

_TRANSFER = frozenset({
    "amount", "currency", "destination", "description", "metadata", "source_transaction", "transfer_group",
})  # fmt: skip


def create_transfer(call: Call) -> Json:
    """Move balance to a connected account: from one charge's money, or from what is available."""
    amount = needed_integer(call.params, "amount")
    currency = needed_text(call.params, "currency").lower()
    destination = _receiver(call)
    available_on, group = call.now, call.params.get("transfer_group")
    origin = needed_text(call.params, "source_transaction") if "source_transaction" in call.params else None
    if origin is None:
        if sums(call, "").get(currency, (0, 0))[0] < amount:
            raise _insufficient("You have insufficient available funds in your Stripe account.")
    else:
        charge = call.own("charge", origin, "source_transaction")
        available_on = _available_on(call, charge, amount, currency)
        group = group or charge["transfer_group"]
    transfer_id = opaque("tr_3", 22).replace("tr_3_", "tr_3")
    transfer = {
        "id": transfer_id, "object": "transfer", "amount": amount, "amount_reversed": 0, "created": call.now,
        "currency": currency, "description": call.params.get("description"), "destination": destination["id"],
        "destination_payment": opaque("py"), "livemode": False, "metadata": metadata(call.params),
        "reversals": {"object": "list", "data": [], "has_more": False, "url": f"/v1/transfers/{transfer_id}/reversals"},
        "reversed": False, "source_transaction": origin, "source_type": "card", "transfer_group": group,
    }  # fmt: skip
    entry = book(call, "transfer", transfer, -amount, available_on=available_on)
    _arrive(call, transfer, available_on)
    made = call.store.add({**transfer, "balance_transaction": entry["id"]})
    tell(call, "transfer.created", made)
    return made


def _receiver(call: Call) -> Json:
    destination = call.store.get("account", needed_text(call.params, "destination"), "destination")
    if destination["capabilities"]["transfers"] != "active":
        message = (
            "Your destination account needs to have at least one of the following capabilities enabled: transfers, "
            "crypto_transfers, legacy_payments"
        )
        raise invalid(message, code="insufficient_capabilities_for_transfer", param="destination")
    return destination


def _arrive(call: Call, transfer: Json, available_on: int) -> None:
    """Store the payment that the connected account sees: a charge of its own, in its own balance."""
    payment = {
        "id": transfer["destination_payment"], "object": "charge", "amount": transfer["amount"],
        "amount_captured": transfer["amount"], "amount_refunded": 0, "captured": True, "created": call.now,
        "currency": transfer["currency"], "description": transfer["description"], "disputed": False,
        "failure_code": None, "failure_message": None, "livemode": False, "metadata": {}, "outcome": None,
        "paid": True, "payment_intent": None, "payment_method": None, "payment_method_details": None,
        "refunded": False, "source_transfer": transfer["id"], "status": "succeeded", "transfer_group": None,
        "_account": transfer["destination"],
    }  # fmt: skip
    entry = book(
        call, "payment", payment, transfer["amount"], available_on=available_on, account=transfer["destination"]
    )
    call.store.add({**payment, "balance_transaction": entry["id"]})


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


def update_transfer(call: Call) -> Json:
    """Change a transfer's metadata or description."""
    transfer = call.store.get("transfer", call.subject)
    before = dict(transfer)
    transfer["metadata"] = metadata(call.params, transfer["metadata"])
    transfer["description"] = call.params.get("description", transfer["description"])
    tell(call, "transfer.updated", call.store.save(transfer), before=before)
    return transfer


def list_transfers(call: Call) -> Json:
    """Answer the transfers, by destination or transfer group."""
    return page(call, "transfer", "/v1/transfers", ("destination", "transfer_group"))


ENDPOINTS = (
    Endpoint("POST", "/v1/transfers", create_transfer, _TRANSFER),
    Endpoint("GET", "/v1/transfers", list_transfers, LIST_COMMON | {"destination", "transfer_group"}),
    Endpoint("GET", "/v1/transfers/*", retrieve_transfer),
    Endpoint("POST", "/v1/transfers/*", update_transfer, frozenset({"metadata", "description"})),
)
