"""Our access to a connected account: it may vanish, or forbid our key; a switch takes it away and gives it back."""

from devstack.stripe.core.calls import Call, Endpoint
from devstack.stripe.core.errors import ApiError, Json, not_found
from devstack.stripe.core.forms import choice
from devstack.stripe.core.store import Store
from devstack.stripe.webhooks.events import emit

FORBIDDEN = 403


def no_such_account(account_id: str) -> ApiError:
    """Return the 403 for an account that was deleted, took our access back, or never existed."""
    message = (
        f"The provided key does not have access to account '{account_id}' (or that account does not exist). "
        "Application access may have been revoked."
    )
    return ApiError(FORBIDDEN, "invalid_request_error", message, code="account_invalid")


def check_access(store: Store, account_id: str) -> None:
    """Raise the error of a call for an account that is unknown, vanished or forbidden."""
    account = store.find(account_id)
    if account is None or account["object"] != "account" or account.get("_access") == "vanished":
        raise no_such_account(account_id)
    if account.get("_access") == "forbidden":
        message = (
            f"The provided key does not have the required permissions for this endpoint on account '{account_id}'."
        )
        raise ApiError(FORBIDDEN, "invalid_request_error", message)


def check_destination(account: Json) -> None:
    """Raise the error of a transfer to an account that has vanished."""
    if account.get("_access") == "vanished":
        raise not_found("destination", account["id"], "destination")


def set_access(call: Call) -> Json:
    """Take our access to an account away, or give it back; `account.application.deauthorized` tells of the first."""
    account = call.store.get("account", call.subject)
    account["_access"] = choice(call.params, "state", ("granted", "vanished", "forbidden"))
    call.store.save(account)
    if account["_access"] == "vanished":
        application = {"id": "ca_EmulatorApplication", "object": "application", "name": "Emulator"}
        emit(call, "account.application.deauthorized", application, account=account["id"])
    return account


SWITCHES = (Endpoint("POST", "/accounts/*/access", set_access, frozenset({"state"})),)
