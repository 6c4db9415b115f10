"""The pages that are written from the code are of today's code."""

import ast
import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from api.http.problems import REFUSALS
from domain.core import errors
from domain.core.errors import Refusal
from domain.tickets.ticket import TicketRedeemed
from tests.docs import acts, door, problems, scopes, states
from tests.docs.problems import problem_types_of
from tests.fakes.api_client import document

ROOT = Path(__file__).parents[2]
PAGES = [
    ("acts.md", acts.page),
    ("door.md", door.page),
    ("problems.md", problems.page),
    ("scopes.md", scopes.page),
    ("states.md", states.page),
]


@pytest.mark.parametrize(("name", "page"), PAGES)
def test_a_page_in_docs_is_of_this_code(name: str, page: Callable[[], str]) -> None:
    """A new problem type, state or event comes into the docs with its code."""
    assert (ROOT / "docs" / name).read_text() == page(), f"docs/{name} is of other code; run `make docs`"


def test_every_refusal_is_declared_by_an_operation() -> None:
    """A refusal that a client may get is named in `may_answer` of its route, so that its document lists it."""
    operations = [operation for path in document()["paths"].values() for operation in path.values()]
    declared = {code for operation in operations for code in problem_types_of(operation, document())}
    undeclared = REFUSALS.keys() - declared
    assert undeclared == set(), "name each in `may_answer` of its operations, in api/routes/"


def test_the_tree_of_refusals_has_a_line_for_each() -> None:
    """The docstring of `domain/core/errors.py` lists every refusal with its code, and no other."""
    tree = re.findall(r"^[├└]── (\w+) +([a-z-]+) ", errors.__doc__ or "", re.MULTILINE)
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Refusal)]
    codes = {kind.__name__: kind.code for kind in kinds if kind is not Refusal}
    wrong = dict(tree).items() ^ codes.items()
    assert wrong == set(), "the tree of refusals in the docstring of domain/core/errors.py differs from its classes"


def test_an_event_that_no_act_reaches_is_told() -> None:
    """A diagram cannot lack an event of its aggregate."""
    acts = tuple(act for number, act in enumerate(states.TICKET_ACTS) if number != 2)
    with pytest.raises(AssertionError, match=TicketRedeemed.__name__):
        states.explored(dataclasses.replace(states.RIGHT, acts=acts))


def test_a_purchase_ends_for_a_named_reason() -> None:
    """No step ends a purchase with a reason that `domain/core/end_reasons.py` does not list."""
    literal = [
        f"{file.name}:{node.lineno}"
        for room in ("activities", "workflows", "api")
        for file in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "EndPurchase"
        for keyword in node.keywords
        if keyword.arg == "reason" and isinstance(keyword.value, ast.Constant)
    ]
    assert literal == []
