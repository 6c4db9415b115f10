"""Balance transactions and the balances that they sum to, for the platform and for each connected account."""

from devstack.stripe.calls import LIST_COMMON, Call, Endpoint
from devstack.stripe.errors import Json
from devstack.stripe.listing import Filters, page
from devstack.stripe.store import opaque

FEE_PER_MILLE = 29
FEE_FIXED_MINOR = 30


def card_fee_minor(amount_minor: int) -> int:
    """Return Stripe's fee on a captured amount: 2.9 %, rounded half up, and 30."""
    return (amount_minor * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED_MINOR


def book(call: Call, kind: str, source: Json, amount_minor: int, **more: int | str) -> Json:
    """Write a balance transaction; `fee_minor`, `available_on` and `account` may be given (the platform's, at once)."""
    fee = int(more.get("fee_minor", 0))
    available_on = max(int(more.get("available_on", call.now)), call.now)
    details = [{"amount": fee, "currency": source["currency"], "type": "stripe_fee", "description": "Stripe fees"}]
    return call.store.add({
        "id": opaque("txn"), "object": "balance_transaction", "amount": amount_minor, "available_on": available_on,
        "created": call.now, "currency": source["currency"], "description": None, "exchange_rate": None, "fee": fee,
        "fee_details": details if fee else [], "net": amount_minor - fee, "reporting_category": kind,
        "source": source["id"], "status": "available" if available_on <= call.now else "pending", "type": kind,
        "_account": more.get("account", ""),
    })  # fmt: skip


def sums(call: Call, account: str) -> dict[str, tuple[int, int]]:
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
    """Answer the balance of whoever asks."""
    found = sums(call, call.account) or {"usd": (0, 0)}
    return {
        "object": "balance",
        "livemode": False,
        "available": [{"amount": free, "currency": name} for name, (free, _) in found.items()],
        "pending": [{"amount": later, "currency": name} for name, (_, later) in found.items()],
    }


def _aged(call: Call, body: Json) -> Json:
    return {**body, "status": "available" if body["available_on"] <= call.now else "pending"}


def retrieve(call: Call) -> Json:
    """Answer one balance transaction."""
    return _aged(call, call.store.get("balance_transaction", call.subject))


def listing(call: Call) -> Json:
    """Answer the balance transactions of whoever asks."""
    filters = Filters()
    filters.add("json_extract(body, '$._account') = ?", call.account)
    found = page(call, "balance_transaction", "/v1/balance_transactions", ("source", "type", "currency"), filters)
    return {**found, "data": [_aged(call, row) for row in found["data"]]}


ENDPOINTS = (
    Endpoint("GET", "/v1/balance", balance),
    Endpoint("GET", "/v1/balance_transactions", listing, LIST_COMMON | {"source", "type", "currency"}),
    Endpoint("GET", "/v1/balance_transactions/*", retrieve),
)
