"""Switches of balances: make pending money available, top up the platform."""

from devstack.stripe.balance.balance_transactions import add_balance_transaction, balance
from devstack.stripe.core.calls import Call, Endpoint, named_account
from devstack.stripe.core.errors import Json
from devstack.stripe.core.forms import required_integer, required_text
from devstack.stripe.core.store import new_id
from devstack.stripe.webhooks.events import emit


def settle(call: Call) -> Json:
    """Make everything pending in a balance available, as if days had passed."""
    account = named_account(call)
    make_available = (
        "UPDATE objects SET body = json_set(body, '$.available_on', ?, '$.status', 'available')"
        " WHERE kind = 'balance_transaction' AND json_extract(body, '$._account') = ?"
        " AND json_extract(body, '$.available_on') > ?"
    )
    call.store.db.execute(make_available, (call.now, account, call.now))
    now = balance(Call(call.store, {}, account=account, now=call.now))
    emit(call, "balance.available", now, account=account)
    return now


def top_up(call: Call) -> Json:
    """Add money to the platform's balance from its own bank."""
    amount = required_integer(call.params, "amount")
    topup = {
        "id": new_id("tu_1").replace("tu_1_", "tu_1"), "object": "topup",
        "amount": amount, "created": call.now,
        "currency": required_text(call.params, "currency").lower(), "description": None,
        "expected_availability_date": call.now, "failure_code": None, "failure_message": None, "livemode": False,
        "metadata": {}, "source": None, "statement_descriptor": None, "status": "succeeded", "transfer_group": None,
    }  # fmt: skip
    entry = add_balance_transaction(call, "topup", topup, amount)
    created = call.store.add({**topup, "balance_transaction": entry["id"]})
    emit(call, "topup.succeeded", created)
    return created


SWITCHES = (
    Endpoint("POST", "/accounts/*/settle", settle),
    Endpoint("POST", "/balance/top_up", top_up, frozenset({"amount", "currency"})),
)
