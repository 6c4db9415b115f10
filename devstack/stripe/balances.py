"""Switches of time and money: what is pending becomes available, the platform is topped up, choices are set."""

from devstack.stripe.calls import Call, Endpoint
from devstack.stripe.errors import Json
from devstack.stripe.events import tell
from devstack.stripe.forms import choice, needed_integer, needed_text
from devstack.stripe.ledger import balance, book
from devstack.stripe.onboarding import STATES
from devstack.stripe.payouts import owner_of
from devstack.stripe.store import opaque

# The first option of each is what the emulator does when nobody has set it.
CHOICES = {"onboarding": tuple(STATES), "uncovered_refunds": ("overdraw", "wait", "refuse")}


def settle(call: Call) -> Json:
    """Let all that is pending in a balance become available, as if the days had passed."""
    account = owner_of(call)
    ripen = (
        "UPDATE objects SET body = json_set(body, '$.available_on', ?, '$.status', 'available')"
        " WHERE kind = 'balance_transaction' AND json_extract(body, '$._account') = ?"
        " AND json_extract(body, '$.available_on') > ?"
    )
    call.store.db.execute(ripen, (call.now, account, call.now))
    now = balance(Call(call.store, {}, account=account, now=call.now))
    tell(call, "balance.available", now, account=account)
    return now


def top_up(call: Call) -> Json:
    """Put money into the platform's balance from its own bank."""
    amount = needed_integer(call.params, "amount")
    topup = {
        "id": opaque("tu_1").replace("tu_1_", "tu_1"), "object": "topup",
        "amount": amount, "created": call.now,
        "currency": needed_text(call.params, "currency").lower(), "description": None,
        "expected_availability_date": call.now, "failure_code": None, "failure_message": None, "livemode": False,
        "metadata": {}, "source": None, "statement_descriptor": None, "status": "succeeded", "transfer_group": None,
    }  # fmt: skip
    entry = book(call, "topup", topup, amount)
    made = call.store.add({**topup, "balance_transaction": entry["id"]})
    tell(call, "topup.succeeded", made)
    return made


def choose(call: Call) -> Json:
    """Set how the emulator behaves where Stripe depends on the account."""
    for name in call.params:
        value = choice(call.params, name, CHOICES[name])
        call.store.db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))
    return {name: call.store.setting(name, options[0]) for name, options in CHOICES.items()}


SWITCHES = (
    Endpoint("POST", "/accounts/*/settle", settle),
    Endpoint("POST", "/balance/top_up", top_up, frozenset({"amount", "currency"})),
    Endpoint("POST", "/settings", choose, frozenset(CHOICES)),
)
