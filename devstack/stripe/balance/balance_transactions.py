"""Balance transactions and the balances that they add up to, for the platform and each connected account."""

from devstack.stripe.core.calls import LIST_COMMON, Call, Endpoint
from devstack.stripe.core.errors import Json, invalid
from devstack.stripe.core.forms import required_text
from devstack.stripe.core.listing import Filters, page
from devstack.stripe.core.store import new_id

FEE_PER_MILLE = 29
FEE_FIXED_MINOR = 30
CATEGORIES = {
    "payment": "charge", "payment_refund": "refund", "transfer_refund": "transfer_reversal",
    "payout_failure": "payout_reversal", "payout_cancel": "payout_reversal",
}  # fmt: skip
_FILTERS = LIST_COMMON | {"source", "type", "currency", "payout"}


def card_fee_minor(amount_minor: int) -> int:
    """Return Stripe's fee on a captured amount: 2.9 %, rounded half up, and 30."""
    return (amount_minor * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED_MINOR


def add_balance_transaction(call: Call, kind: str, source: Json, amount_minor: int, **more: int | str) -> Json:
    """Store a balance transaction; by default it belongs to the platform and is available at once.

    `more` may have `fee_minor`, `fee_words`, `available_on`, `account` and `category` (default: the kind's).
    """
    fee = int(more.get("fee_minor", 0))
    available_on = max(int(more.get("available_on", call.now)), call.now)
    details = [{"amount": fee, "currency": source["currency"], "type": "stripe_fee", "application": None,
                "description": more.get("fee_words", "Stripe fees")}]  # fmt: skip
    return call.store.add({
        "id": new_id("txn"), "object": "balance_transaction", "amount": amount_minor, "available_on": available_on,
        "balance_type": "payments", "created": call.now, "currency": source["currency"], "description": None,
        "exchange_rate": None, "fee": fee,
        "fee_details": details if fee else [], "net": amount_minor - fee,
        "reporting_category": more.get("category", CATEGORIES.get(kind, kind)),
        "source": source["id"], "status": "available" if available_on <= call.now else "pending", "type": kind,
        "_account": more.get("account", ""),
    })  # fmt: skip


def balances_by_currency(call: Call, account: str) -> dict[str, tuple[int, int]]:
    """Return (available, pending) in minor units by currency."""
    query = (
        "SELECT json_extract(body, '$.currency') AS currency,"
        " SUM(CASE WHEN json_extract(body, '$.available_on') <= ? THEN json_extract(body, '$.net') ELSE 0 END) AS free,"
        " SUM(CASE WHEN json_extract(body, '$.available_on') > ? THEN json_extract(body, '$.net') ELSE 0 END) AS later"
        " FROM objects WHERE kind = 'balance_transaction' AND json_extract(body, '$._account') = ?"
        " GROUP BY 1 ORDER BY 1"
    )
    rows = call.store.db.execute(query, (call.now, call.now, account))
    return {row["currency"]: (int(row["free"]), int(row["later"])) for row in rows}


def balance(call: Call) -> Json:
    """Return the caller's balance."""
    found = balances_by_currency(call, call.account) or {"usd": (0, 0)}
    return {
        "object": "balance",
        "livemode": False,
        "available": [_amount_json(name, free) for name, (free, _) in found.items()],
        "pending": [_amount_json(name, later) for name, (_, later) in found.items()],
    }


def _amount_json(currency: str, amount_minor: int) -> Json:
    return {"amount": amount_minor, "currency": currency, "source_types": {"card": amount_minor}}


def _with_status(call: Call, body: Json) -> Json:
    return {**body, "status": "available" if body["available_on"] <= call.now else "pending"}


def _automatic(call: Call, payout_id: str) -> Json:
    payout = call.own("payout", payout_id, "payout")
    if not payout["automatic"]:
        message = "Balance transaction history can only be filtered on automatic payouts, not manual."
        raise invalid(message, param="payout")
    return payout


def retrieve(call: Call) -> Json:
    """Return one balance transaction."""
    return _with_status(call, call.own("balance_transaction", call.subject))


def listing(call: Call) -> Json:
    """List the caller's balance transactions."""
    filters = Filters()
    filters.add_owner(call.account)
    if "payout" in call.params:
        filters.add("json_extract(body, '$._payout') = ?", _automatic(call, required_text(call.params, "payout"))["id"])
    found = page(call, "balance_transaction", "/v1/balance_transactions", ("source", "type", "currency"), filters)
    return {**found, "data": [_with_status(call, row) for row in found["data"]]}


ENDPOINTS = (
    Endpoint("GET", "/v1/balance", balance, open_to_accounts=True),
    Endpoint("GET", "/v1/balance_transactions", listing, _FILTERS, open_to_accounts=True),
    Endpoint("GET", "/v1/balance_transactions/*", retrieve, open_to_accounts=True),
)
