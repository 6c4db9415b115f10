"""Transfers from the platform's balance to connected accounts."""

from devstack.stripe.balance.balance_transactions import add_balance_transaction, balances_by_currency
from devstack.stripe.connect.access import check_destination
from devstack.stripe.core.calls import Call, Endpoint
from devstack.stripe.core.errors import Json, invalid
from devstack.stripe.core.forms import metadata, required_integer, required_text
from devstack.stripe.core.listing import reading
from devstack.stripe.core.store import new_id
from devstack.stripe.payments.payment_methods import no_billing_details
from devstack.stripe.webhooks.events import emit

_TRANSFER = frozenset({
    "amount", "currency", "destination", "description", "metadata", "source_transaction", "transfer_group",
})  # fmt: skip


def create_transfer(call: Call) -> Json:
    """Transfer money to a connected account, from one charge or from the available balance."""
    amount = required_integer(call.params, "amount")
    currency = required_text(call.params, "currency").lower()
    destination = _receiver(call)
    available_on, group = call.now, call.params.get("transfer_group")
    origin = required_text(call.params, "source_transaction") if "source_transaction" in call.params else None
    if origin is None:
        if balances_by_currency(call, "").get(currency, (0, 0))[0] < amount:
            raise invalid("You have insufficient available funds in your Stripe account.", code="balance_insufficient")
    else:
        charge = call.own("charge", origin, "source_transaction")
        available_on = _available_on(call, charge, amount, currency)
        group = group or charge["transfer_group"]
    transfer_id = new_id("tr_3", 22).replace("tr_3_", "tr_3")
    transfer = {
        "id": transfer_id, "object": "transfer", "amount": amount, "amount_reversed": 0, "created": call.now,
        "currency": currency, "description": call.params.get("description"), "destination": destination["id"],
        "destination_payment": new_id("py"), "livemode": False, "metadata": metadata(call.params),
        "reversals": {"object": "list", "data": [], "has_more": False, "url": f"/v1/transfers/{transfer_id}/reversals"},
        "reversed": False, "source_transaction": origin, "source_type": "card", "transfer_group": group,
    }  # fmt: skip
    entry = add_balance_transaction(call, "transfer", transfer, -amount, available_on=available_on)
    _add_destination_payment(call, transfer, available_on)
    created = call.store.add({**transfer, "balance_transaction": entry["id"]})
    emit(call, "transfer.created", created)
    return created


def _receiver(call: Call) -> Json:
    destination = call.store.get("account", required_text(call.params, "destination"), "destination")
    check_destination(destination)
    if destination["capabilities"]["transfers"] != "active":
        message = (
            "Your destination account needs to have at least one of the following capabilities enabled: transfers, "
            "crypto_transfers, legacy_payments"
        )
        raise invalid(message, code="insufficient_capabilities_for_transfer", param="destination")
    return destination


def _add_destination_payment(call: Call, transfer: Json, available_on: int) -> None:
    """Store the payment that a transfer is for the connected account: a charge in its own balance."""
    payment = {
        "id": transfer["destination_payment"], "object": "charge", "amount": transfer["amount"],
        "amount_captured": transfer["amount"], "amount_refunded": 0, "billing_details": no_billing_details(),
        "captured": True, "created": call.now,
        "currency": transfer["currency"], "description": transfer["description"], "disputed": False,
        "failure_code": None, "failure_message": None, "livemode": False, "metadata": {}, "outcome": None,
        "paid": True, "payment_intent": None, "payment_method": None, "payment_method_details": None,
        "refunded": False, "source_transfer": transfer["id"], "status": "succeeded", "transfer_group": None,
        "_account": transfer["destination"],
    }  # fmt: skip
    entry = add_balance_transaction(
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


def update_transfer(call: Call) -> Json:
    """Update a transfer's metadata or description."""
    transfer = call.store.get("transfer", call.subject)
    before = dict(transfer)
    transfer["metadata"] = metadata(call.params, transfer["metadata"])
    transfer["description"] = call.params.get("description", transfer["description"])
    emit(call, "transfer.updated", call.store.save(transfer), before=before)
    return transfer


ENDPOINTS = (
    Endpoint("POST", "/v1/transfers", create_transfer, _TRANSFER),
    *reading("transfer", "/v1/transfers", "destination", "transfer_group", open_to_accounts=False),
    Endpoint("POST", "/v1/transfers/*", update_transfer, frozenset({"metadata", "description"})),
)
