"""Transfer reversals, whole or partial, within the connected account's balance."""

from devstack.stripe.balance.balance_transactions import add_balance_transaction, balances_by_currency
from devstack.stripe.connect.access import check_access
from devstack.stripe.core.calls import LIST_COMMON, Call, Endpoint
from devstack.stripe.core.errors import Json, invalid, not_found
from devstack.stripe.core.forms import integer, metadata
from devstack.stripe.core.listing import Filters, page
from devstack.stripe.core.store import new_id
from devstack.stripe.webhooks.events import emit

_LACKING = "The connected account's balance of {} {} does not cover a reversal of {}."


def create(call: Call) -> Json:
    """Reverse a transfer, in full when no amount is given."""
    transfer = call.store.get("transfer", call.subject)
    check_access(call.store, transfer["destination"])
    amount = _amount(call, transfer)
    account, currency = transfer["destination"], transfer["currency"]
    available_on = call.store.get("balance_transaction", transfer["balance_transaction"])["available_on"]
    has = sum(balances_by_currency(call, account).get(currency, (0, 0)))
    if amount > has:
        raise invalid(_LACKING.format(has, currency, amount), code="balance_insufficient", param="amount")
    refund = _refund_destination_payment(call, transfer, amount)
    reversal = {
        "id": new_id("trr_1").replace("trr_1_", "trr_1"), "object": "transfer_reversal", "amount": amount,
        "created": call.now, "currency": currency, "destination_payment_refund": refund["id"],
        "metadata": metadata(call.params), "source_refund": None, "transfer": transfer["id"],
    }  # fmt: skip
    entry = add_balance_transaction(call, "transfer_refund", reversal, amount, available_on=available_on)
    reversal = call.store.add({**reversal, "balance_transaction": entry["id"]})
    back = transfer["amount_reversed"] + amount
    transfer |= {"amount_reversed": back, "reversed": back == transfer["amount"]}
    transfer["reversals"]["data"].insert(0, reversal)
    emit(call, "transfer.reversed", call.store.save(transfer))
    return reversal


def _amount(call: Call, transfer: Json) -> int:
    left = int(transfer["amount"] - transfer["amount_reversed"])
    if left == 0:
        message = f"Transfer {transfer['id']} is already fully reversed."
        raise invalid(message, code="transfer_already_reversed")
    amount = integer(call.params, "amount", least=1) or left
    if amount > left:
        message = f"Transfer reversal amount ({amount}) is greater than unreversed amount on transfer ({left})"
        raise invalid(message, param="amount")
    return amount


def _refund_destination_payment(call: Call, transfer: Json, amount: int) -> Json:
    """Debit the connected account: refund the payment that the transfer created there."""
    account = transfer["destination"]
    payment = call.store.get("charge", transfer["destination_payment"])
    available_on = call.store.get("balance_transaction", payment["balance_transaction"])["available_on"]
    refund = {
        "id": new_id("pyr_1").replace("pyr_1_", "pyr_1"), "object": "refund", "amount": amount,
        "charge": payment["id"], "created": call.now, "currency": payment["currency"], "failure_reason": None,
        "metadata": {}, "payment_intent": None, "reason": None, "receipt_number": None, "status": "succeeded",
        "_account": account,
    }  # fmt: skip
    entry = add_balance_transaction(call, "payment_refund", refund, -amount, available_on=available_on, account=account)
    gone = payment["amount_refunded"] + amount
    call.store.save(payment | {"amount_refunded": gone, "refunded": gone == payment["amount"]})
    return call.store.add({**refund, "balance_transaction": entry["id"]})


def retrieve(call: Call) -> Json:
    """Return one reversal of a transfer."""
    reversal = call.store.get("transfer_reversal", call.ids[1])
    if reversal["transfer"] != call.subject:
        raise not_found("transfer_reversal", call.ids[1])
    return reversal


def update(call: Call) -> Json:
    """Update a reversal's metadata."""
    reversal = retrieve(call)
    transfer = call.store.get("transfer", call.subject)
    reversal["metadata"] = metadata(call.params, reversal["metadata"])
    rows = transfer["reversals"]["data"]
    transfer["reversals"]["data"] = [reversal if row["id"] == reversal["id"] else row for row in rows]
    call.store.save(transfer)
    return call.store.save(reversal)


def listing(call: Call) -> Json:
    """List the reversals of a transfer."""
    call.store.get("transfer", call.subject)
    of_transfer = Filters()
    of_transfer.add("json_extract(body, '$.transfer') = ?", call.subject)
    return page(call, "transfer_reversal", f"/v1/transfers/{call.subject}/reversals", (), of_transfer)


ENDPOINTS = (
    Endpoint("POST", "/v1/transfers/*/reversals", create, frozenset({"amount", "description", "metadata"})),
    Endpoint("GET", "/v1/transfers/*/reversals", listing, LIST_COMMON),
    Endpoint("GET", "/v1/transfers/*/reversals/*", retrieve),
    Endpoint("POST", "/v1/transfers/*/reversals/*", update, frozenset({"metadata"})),
)
