"""Fault rules that make the next matching calls or webhooks fail, kept in the store."""

import fnmatch
import re

from devstack.stripe.core.errors import Json, invalid
from devstack.stripe.core.store import Store

CALL_KINDS = re.compile(r"drop_before|drop_after|status:[45]\d\d|sticky:5\d\d|delay:\d{1,6}")
WEBHOOK_KINDS = re.compile(r"lost|duplicate|reorder|delay:\d{1,6}")


def add_rule(store: Store, rule: Json) -> Json:
    """Add a rule: `method` and `path` (with `*`) of calls, or `event` (with `*`) of webhooks; `kind`; `count`."""
    event = str(rule.get("event", ""))
    kind = str(rule.get("kind", ""))
    if not (WEBHOOK_KINDS if event else CALL_KINDS).fullmatch(kind):
        raise invalid(f"Unknown kind of fault: {kind}", param="kind")
    row = (str(rule.get("method", "*")).upper(), str(rule.get("path", "*")), event, kind, int(rule.get("count", 1)))
    insert = "INSERT INTO faults (method, path, event, kind, remaining) VALUES (?, ?, ?, ?, ?)"
    store.db.execute(insert, row)
    return {"object": "list", "data": list_rules(store)}


def list_rules(store: Store) -> list[Json]:
    """Return the rules in the order of creation, used up ones (`remaining` 0) too."""
    return [dict(row) for row in store.db.execute("SELECT * FROM faults ORDER BY id")]


def clear_rules(store: Store) -> None:
    """Delete all rules."""
    store.db.execute("DELETE FROM faults")


def take_call_fault(store: Store, method: str, path: str) -> str:
    """Consume one use of the first rule that matches a call; return its kind, or an empty text."""
    rules = store.db.execute("SELECT * FROM faults WHERE remaining > 0 AND event = '' ORDER BY id").fetchall()
    for rule in rules:
        if rule["method"] in {"*", method} and fnmatch.fnmatchcase(path, rule["path"]):
            return _used(store, rule["id"], rule["kind"])
    return ""


def take_webhook_fault(store: Store, event_type: str) -> str:
    """Consume one use of the first rule that matches an event; return its kind, or an empty text."""
    rules = store.db.execute("SELECT * FROM faults WHERE remaining > 0 AND event <> '' ORDER BY id").fetchall()
    for rule in rules:
        if fnmatch.fnmatchcase(event_type, rule["event"]):
            return _used(store, rule["id"], rule["kind"])
    return ""


def _used(store: Store, rule_id: int, kind: str) -> str:
    store.db.execute("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", (rule_id,))
    return kind
