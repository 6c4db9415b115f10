"""One walk through everything that the Stripe emulator answers: every endpoint, and every state of every object."""

from collections.abc import Iterator
from typing import Any

from devstack.stripe.core.calls import Routes
from devstack.stripe.http.engine import ENDPOINTS
from tests.devstack.stripe.emulator import AUTOMATIC, BROWSER, SECRET, Emulator

_ROUTES = Routes(ENDPOINTS)
_SERVER = {"Authorization": f"Bearer {SECRET}"}
_URLS: dict[str, Any] = {"refresh_url": "http://127.0.0.1/a", "return_url": "http://127.0.0.1/b"}

CAPABILITIES = {name: {"requested": True} for name in ("card_payments", "transfers")}


class Walk:
    """Calls the emulator, and keeps each answer and the endpoint that gave it."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.answers: list[Any] = []
        self.endpoints: set[tuple[str, str]] = set()

    def call(self, method: str, path: str, *, status: int = 200, owner: str = "", **form: Any) -> Any:
        """Call the API as the platform, or as a connected account; return the answer."""
        headers = _SERVER | ({"Stripe-Account": owner} if owner else {})
        self.answers.append(self._send(method, path, status, headers, form))
        return self.answers[-1]

    def browse(self, method: str, path: str, **form: Any) -> Any:
        """Call the API as a buyer's browser, which sees only a part of an object: the answer is not kept."""
        return self._send(method, path, 200, BROWSER, form)

    def switch(self, path: str, **given: Any) -> Any:
        """Run a switch; return the changed object."""
        self.answers.append(self.emulator.switch(path, **given))
        return self.answers[-1]

    def _send(self, method: str, path: str, status: int, headers: dict[str, str], form: dict[str, Any]) -> Any:
        fields = dict(_flat(form))
        sent = {"params": fields} if method == "GET" else {"data": fields}
        answer = self.emulator.client.request(method, f"/v1/{path}", headers=headers, **sent)  # type: ignore[arg-type]
        assert answer.status_code == status, answer.text
        found = _ROUTES.find(method, f"/v1/{path}")
        assert found is not None
        self.endpoints.add((method, found[0].path))
        return answer.json()


def _flat(form: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield form fields with Stripe's brackets."""
    for name, value in form.items():
        key = f"{prefix}[{name}]" if prefix else name
        if isinstance(value, dict):
            yield from _flat(value, key)
        elif isinstance(value, list):
            yield from ((f"{key}[{at}]", item) for at, item in enumerate(value))
        else:
            yield key, str(value).lower() if isinstance(value, bool) else value


def walk_through(emulator: Emulator) -> Walk:
    """Walk through every object in every state; the events come last, so that all of them are read."""
    walk = Walk(emulator)
    hook = walk.call("POST", "webhook_endpoints", url="http://127.0.0.1:9/hook", enabled_events=["*"])
    account = _accounts(walk)
    charge = _payments(walk)
    _refunds(walk)
    _disputes(walk)
    _transfers_and_payouts(walk, account, charge)
    _listings(walk, account)
    walk.call("GET", "webhook_endpoints")
    walk.call("GET", f"webhook_endpoints/{hook['id']}")
    walk.call("DELETE", f"webhook_endpoints/{hook['id']}")
    return walk


def _accounts(walk: Walk) -> str:
    given: dict[str, Any] = {"business_profile": {"name": "Hall"}, "capabilities": CAPABILITIES}
    account = str(walk.call("POST", "accounts", type="express", **given)["id"])
    for state in ("new", "pending", "restricted", "rejected", "payouts_paused", "complete"):
        walk.switch(f"accounts/{account}/onboard", state=state)
    walk.call("POST", f"accounts/{account}", settings={"payouts": {"schedule": {"interval": "weekly"}}})
    walk.call("GET", f"accounts/{account}")
    walk.call("GET", f"accounts/{account}", owner=account)
    walk.call("GET", "accounts")
    walk.call("POST", "account_links", account=account, type="account_onboarding", **_URLS)
    return account


def _intent(walk: Walk, method: str, *, status: int = 200, **more: Any) -> Any:
    form = {"amount": 5000, "currency": "usd", "payment_method": method, "confirm": True, **AUTOMATIC, **more}
    return walk.call("POST", "payment_intents", status=status, **form)


def _charge_of(walk: Walk, method: str = "pm_card_bypassPending", **more: Any) -> str:
    return str(_intent(walk, method, **more)["latest_charge"])


def _payments(walk: Walk) -> str:
    """Pay in every way; return a captured charge."""
    waiting = walk.call("POST", "payment_intents", amount=5000, currency="usd", **AUTOMATIC)
    path = f"payment_intents/{waiting['id']}"
    walk.call("POST", path, description="Two tickets")
    walk.browse("GET", path, client_secret=waiting["client_secret"])
    walk.browse("POST", f"{path}/confirm", client_secret=waiting["client_secret"], payment_method="pm_card_visa")
    _intent(walk, "pm_card_visa_chargeDeclined", status=402)
    for outcome in ("succeed", "fail"):
        walk.switch(f"payment_intents/{_intent(walk, 'pm_usBankAccount')['id']}/finish_processing", outcome=outcome)
        secured = _intent(walk, "pm_card_threeDSecure2Required")
        walk.switch(f"payment_intents/{secured['id']}/authenticate", outcome=outcome)
    _manual_captures(walk)
    expanded = ["latest_charge", "latest_charge.balance_transaction"]
    return str(_intent(walk, "pm_card_bypassPending", expand=expanded)["latest_charge"]["id"])


def _manual_captures(walk: Walk) -> None:
    def authorised() -> str:
        return f"payment_intents/{_intent(walk, 'pm_card_visa', capture_method='manual')['id']}"

    walk.call("POST", f"{authorised()}/capture", amount_to_capture=4000)
    walk.call("POST", f"{authorised()}/cancel", cancellation_reason="abandoned")
    walk.switch(f"{authorised()}/lapse")
    near = authorised()
    walk.switch(f"{near}/near_lapse", seconds=0)
    walk.call("GET", near)
    for how, status in (("decline", 402), ("expire", 400)):
        failing = authorised()
        walk.switch(f"{failing}/fail_capture", how=how)
        walk.call("POST", f"{failing}/capture", status=status)


def _refunds(walk: Walk) -> None:
    done = walk.call("POST", "refunds", charge=_charge_of(walk), amount=100, metadata={"a": "b"})
    walk.call("POST", f"refunds/{done['id']}", metadata={"a": "c"})
    walk.call("GET", f"refunds/{done['id']}")
    walk.switch(f"refunds/{done['id']}/finish", outcome="fail")
    pending = walk.call("POST", "refunds", charge=_charge_of(walk, "pm_card_pendingRefund"))
    walk.switch(f"refunds/{pending['id']}/require_action")
    walk.call("POST", f"refunds/{pending['id']}/cancel")
    slow = walk.call("POST", "refunds", charge=_charge_of(walk, "pm_card_pendingRefund"))
    walk.switch(f"refunds/{slow['id']}/finish", outcome="succeed")
    walk.call("POST", "refunds", charge=_charge_of(walk, "pm_card_refundFail"))
    walk.switch(f"charges/{_charge_of(walk)}/refund_in_dashboard")
    _refund_without_money(walk)


def _refund_without_money(walk: Walk) -> None:
    charge = _charge_of(walk, currency="chf")
    walk.call("POST", "payouts", amount=4800, currency="chf")
    walk.emulator.switch("settings", uncovered_refunds="wait")
    walk.call("POST", "refunds", charge=charge)
    walk.switch("balance/top_up", amount=6000, currency="chf")
    walk.emulator.switch("settings", uncovered_refunds="overdraw")


def _disputes(walk: Walk) -> None:
    for outcome in ("won", "lost"):
        dispute = walk.switch(f"charges/{_charge_of(walk)}/dispute")
        walk.call("POST", f"disputes/{dispute['id']}", evidence={"uncategorized_text": "sold"}, submit=False)
        walk.switch(f"disputes/{dispute['id']}/finish", outcome=outcome, return_fee=True)
        walk.call("GET", f"disputes/{dispute['id']}")
    inquiry = walk.switch(f"charges/{_charge_of(walk)}/dispute", inquiry=True)
    walk.switch(f"disputes/{inquiry['id']}/escalate")
    walk.call("POST", f"disputes/{inquiry['id']}/close")
    _intent(walk, "pm_card_createDispute")


def _transfers_and_payouts(walk: Walk, account: str, charge: str) -> None:
    form: dict[str, Any] = {"amount": 4000, "currency": "usd", "destination": account, "source_transaction": charge}
    transfer = walk.call("POST", "transfers", **form)
    walk.call("POST", f"transfers/{transfer['id']}", description="Share")
    reversal = walk.call("POST", f"transfers/{transfer['id']}/reversals", amount=100)
    path = f"transfers/{transfer['id']}/reversals"
    walk.call("GET", path)
    walk.call("GET", f"{path}/{reversal['id']}")
    walk.call("POST", f"{path}/{reversal['id']}", metadata={"a": "b"})
    walk.call("GET", f"transfers/{transfer['id']}")
    walk.call("GET", f"refunds/{reversal['destination_payment_refund']}", owner=account)
    walk.call("GET", f"charges/{transfer['destination_payment']}", owner=account)
    walk.switch(f"accounts/{account}/settle")
    reversed_later, cancelled = (
        walk.call("POST", "payouts", amount=amount, currency="usd", owner=account)["id"] for amount in (200, 100)
    )
    walk.call("POST", f"payouts/{cancelled}/cancel", owner=account)
    walk.switch(f"payouts/{reversed_later}/submit")
    walk.call("POST", f"payouts/{reversed_later}/reverse", owner=account)
    payout = walk.switch(f"accounts/{account}/pay_out")["data"][0]
    walk.call("GET", f"payouts/{payout['id']}", owner=account)
    for outcome in ("succeed", "fail"):
        walk.switch(f"payouts/{payout['id']}/finish", outcome=outcome)


def _listings(walk: Walk, account: str) -> None:
    """List everything, for the platform and for the account; the last events are read one by one."""
    named = ("payment_intents", "charges", "disputes", "transfers", "refunds", "payouts", "balance_transactions")
    for name in named:
        row = walk.call("GET", name, limit=100)["data"][0]
        walk.call("GET", f"{name}/{row['id']}")
    walk.call("GET", "payment_intents/search", query="status:'succeeded'")
    for name in ("charges", "refunds", "payouts", "balance_transactions", "balance"):
        walk.call("GET", name, owner=account)
    walk.call("GET", "balance")
    for owner in ("", account):
        page = walk.call("GET", "events", owner=owner, limit=100)
        while page["has_more"]:
            page = walk.call("GET", "events", owner=owner, limit=100, starting_after=page["data"][-1]["id"])
        walk.call("GET", f"events/{page['data'][-1]['id']}", owner=owner)
