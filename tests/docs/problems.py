"""`python -m tests.docs.problems > docs/problems.md`: the page of problem types, from the code that answers them."""

import sys
from collections import defaultdict

from api.described import Json
from api.http.problems import MEDIA_TYPE, PROBLEM_TYPES, URN, ProblemType
from tests.fakes.api_client import document

LISTED_MAX = 14
HEAD = f"""# Problem types

Written by `make docs` from the code; do not edit. Every answer that is not a success is
[problem details](https://www.rfc-editor.org/rfc/rfc9457) (`application/problem+json`): `type` is `{URN}`
and the name below, `detail` says what is wrong, with the figures, `values` has the values that a rule checked,
`errors` the fields that do not match the schema. A type never changes its meaning; new types may come. Treat an
unknown one by its status: 4xx is final until the request changes, 429 and 503 may be repeated with the same
Idempotency-Key after `Retry-After` seconds.
"""


def page() -> str:
    """Return the page."""
    operations: dict[str, list[str]] = defaultdict(list)
    everything = []
    for path in document()["paths"].values():
        for operation in path.values():
            everything.append(operation["operationId"])
            for code in problem_types_of(operation, document()):
                operations[code].append(operation["operationId"])
    kinds = sorted(PROBLEM_TYPES.values(), key=lambda kind: (kind.status, kind.code))
    return HEAD + "".join(_section(kind, operations[kind.code], everything) for kind in kinds)


def problem_types_of(operation: Json, document: Json) -> list[str]:
    """Return the codes of the problem types that an operation of a document declares."""
    codes = []
    for answer in operation["responses"].values():
        if MEDIA_TYPE in answer.get("content", {}):
            name = answer["content"][MEDIA_TYPE]["schema"]["$ref"].rpartition("/")[2]
            urns = document["components"]["schemas"][name]["properties"]["type"]["enum"]
            codes += [urn.removeprefix(URN) for urn in urns]
    return codes


def _section(kind: ProblemType, operations: list[str], everything: list[str]) -> str:
    lines = [
        "",
        f"## {kind.code}",
        "",
        f"- Status: {kind.status}",
        f"- When: {kind.when}",
        f"- What to do: {kind.remedy}",
        f"- Operations: {_operations(operations, everything)}",
        "",
    ]
    return "\n".join(lines)


def _operations(operations: list[str], everything: list[str]) -> str:
    others = [name for name in everything if name not in operations]
    if not operations:
        return "a request that no operation answers"
    if len(operations) <= LISTED_MAX:
        return ", ".join(f"`{name}`" for name in sorted(operations))
    if not others:
        return "all"
    return "all but " + ", ".join(f"`{name}`" for name in sorted(others))


if __name__ == "__main__":
    sys.stdout.write(page())
