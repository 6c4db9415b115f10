"""Endpoints that list and retrieve, pages (newest first), search by metadata, and `expand`: objects for ids."""

import re
from typing import Any

from devstack.stripe.core.calls import LIST_COMMON, Call, Endpoint
from devstack.stripe.core.errors import Json, invalid
from devstack.stripe.core.forms import integer, required_text
from devstack.stripe.core.store import Store

PAGE_DEFAULT = 10
PAGE_MAX = 100
EXPAND_DEPTH_MAX = 4
_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_CLAUSE = re.compile(r"""^(?:metadata\[(['"])(?P<key>[\w.-]{1,40})\1\]|(?P<field>status|customer|currency))"""
                     r"""\s*:\s*(['"])(?P<value>(?:\\.|(?!\4).)*)\4$""")  # fmt: skip


class Filters:
    """The conditions of a list, as SQL and its values."""

    def __init__(self) -> None:
        self.terms: list[str] = ["1"]
        self.values: list[Any] = []

    def add(self, term: str, *values: Any) -> None:
        """Add a condition (AND)."""
        self.terms.append(term)
        self.values.extend(values)

    def add_created(self, created: Any) -> None:
        """Add `created`: a second, or a hash of gt, gte, lt and lte."""
        bounds = created if isinstance(created, dict) else {"": created}
        for name in bounds:
            sign = "=" if name == "" else _COMPARISONS.get(name)
            if sign is None:
                raise invalid(f"Invalid created: {name}", param="created")
            self.add(f"created {sign} ?", integer(bounds, name))

    def add_owner(self, account: str) -> None:
        """Add the owner: a connected account, or the platform (empty)."""
        self.add("COALESCE(json_extract(body, '$._account'), '') = ?", account)

    @property
    def where(self) -> str:
        """The conditions as one SQL expression."""
        return " AND ".join(self.terms)


def page(call: Call, kind: str, url: str, equals: tuple[str, ...] = (), filters: Filters | None = None) -> Json:
    """Return one page of a list; `equals` names the body's fields that parameters of the same name filter by."""
    chosen = filters or Filters()
    for name in equals:
        if name in call.params:
            chosen.add(f"json_extract(body, '$.{name}') = ?", required_text(call.params, name))
    if "created" in call.params:
        chosen.add_created(call.params["created"])
    backwards = "ending_before" in call.params
    if backwards:
        chosen.add("seq > ?", call.store.position(required_text(call.params, "ending_before")))
    elif "starting_after" in call.params:
        chosen.add("seq < ?", call.store.position(required_text(call.params, "starting_after")))
    size = _size(call)
    tail = f"ORDER BY seq {'ASC' if backwards else 'DESC'} LIMIT {size + 1}"
    found = call.store.select(kind, chosen.where, tuple(chosen.values), tail)
    rows = found[:size][::-1] if backwards else found[:size]
    return {"object": "list", "url": url, "has_more": len(found) > size, "data": rows}


def reading(
    kind: str, url: str, *equals: str, param: str = "id", open_to_accounts: bool = True
) -> tuple[Endpoint, Endpoint]:
    """Return the endpoints that list the caller's objects of a kind, see `page`, and retrieve one of them."""

    def listing(call: Call) -> Json:
        owned = Filters()
        owned.add_owner(call.account)
        return page(call, kind, url, equals, owned)

    def retrieve(call: Call) -> Json:
        return call.own(kind, call.subject, param)

    return (
        Endpoint("GET", url, listing, LIST_COMMON.union(equals), open_to_accounts=open_to_accounts),
        Endpoint("GET", f"{url}/*", retrieve, open_to_accounts=open_to_accounts),
    )


def _size(call: Call) -> int:
    size = integer(call.params, "limit", least=1) or PAGE_DEFAULT
    if size > PAGE_MAX:
        raise invalid("Limit cannot exceed 100", code="parameter_invalid_integer", param="limit")
    return size


def search(call: Call, kind: str, url: str) -> Json:
    """Return one page of matches for a query such as `metadata['purchase_id']:'x' AND status:'succeeded'`."""
    chosen = Filters()
    for clause in re.split(r"\s+AND\s+", required_text(call.params, "query").strip()):
        match = _CLAUSE.match(clause)
        if match is None:
            raise invalid("We were unable to parse your search query.", param="query")
        field = f"metadata.{match['key']}" if match["key"] else match["field"]
        quoted = field if field == "metadata.purchase_id" or match["field"] else f'metadata."{match["key"]}"'
        chosen.add(f"json_extract(body, '$.{quoted}') = ?", re.sub(r"\\(.)", r"\1", match["value"]))
    if "page" in call.params:
        chosen.add("seq < ?", integer(call.params, "page"))
    size = _size(call)
    found = call.store.select(kind, chosen.where, tuple(chosen.values), f"ORDER BY seq DESC LIMIT {size + 1}")
    more = len(found) > size
    token = str(call.store.position(found[size - 1]["id"])) if more else None
    return {"object": "search_result", "url": url, "has_more": more, "next_page": token, "data": found[:size]}


def expand(store: Store, body: Json, paths: Any) -> None:
    """Replace ids by their objects along dotted paths, in place."""
    for path in paths or []:
        steps = str(path).split(".")
        if len(steps) > EXPAND_DEPTH_MAX:
            raise invalid("You cannot expand more than 4 levels of a property.", param="expand")
        _expand_one(store, body, steps, str(path))


def _expand_one(store: Store, node: Any, steps: list[str], path: str) -> None:
    if isinstance(node, list):
        for item in node:
            _expand_one(store, item, steps, path)
        return
    if not steps or not isinstance(node, dict):
        return
    if steps[0] not in node:
        raise invalid(f"This property cannot be expanded ({path}).", param="expand")
    inner = node[steps[0]]
    if isinstance(inner, str):
        found = store.find(inner)
        if found is None:
            raise invalid(f"This property cannot be expanded ({path}).", param="expand")
        node[steps[0]] = inner = found
    _expand_one(store, inner, steps[1:], path)
