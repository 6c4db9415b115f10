"""`python -m tests.docs.scopes > docs/scopes.md`: who may call which operation, from the declarations at the routes."""

import sys
from typing import Any, get_args

from domain.access.subject import Scope
from tests.fakes.api_client import document

SCOPES: dict[Scope, str] = {
    "purchase": "buy tickets",
    "manage": "set up venues, shows, prices and discounts; read orders, balances and statements",
    "refund": "refund orders, cancel shows",
    "door": "check and redeem tickets",
    "operate": "decide what a human must; read the audit, the metrics and the platform's statement",
    "internal": "the internal ticket API and the box office",
}
HEAD = """# Who may do what

Written by `make docs` from the routes; do not edit. A request names its subject with `Authorization: Bearer <key>`;
`boxoffice keys` creates, lists, rotates and revokes keys. A key belongs to a tenant, and may be bound to one venue:
what belongs to another tenant or venue does not exist for it. The buyer of a purchase sends its token instead, in the
header `Purchase-Token` or as `?token=` of a link. Why: [decision 0032](decisions/0032-a-subject-for-every-request.md).
"""


def page() -> str:
    """Return the page."""
    scopes = [f"| `{scope}` | {SCOPES[scope]} |" for scope in get_args(Scope)]
    rows = [
        _row(method, path, operation)
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
    ]
    return "\n".join(
        [
            HEAD,
            "| scope | lets a key |",
            "|---|---|",
            *scopes,
            "",
            "| operation | route | open to |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _row(method: str, path: str, operation: dict[str, Any]) -> str:
    return f"| `{operation['operationId']}` | {method.upper()} `{path}` | {_open_to(operation)} |"


def _open_to(operation: dict[str, Any]) -> str:
    security = operation.get("security", [])
    if not security:
        return "Stripe's signature" if "webhooks" in operation["tags"] else "anyone"
    scopes = ", ".join(f"`{scope}`" for item in security for scope in item.get("apiKey", ()))
    return f"the buyer, {scopes}" if len(security) > 1 else scopes


if __name__ == "__main__":
    sys.stdout.write(page())
