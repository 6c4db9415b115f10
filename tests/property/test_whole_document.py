"""Requests drawn from the OpenAPI document: no 5xx, and no status, content type or body that it does not declare.

Each operation is tried with a key that opens it and with none, and in sequences in which an answer names what the next
request is about.
"""

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from tests.fakes.api_client import EVERY_SCOPE
from tests.fakes.shop_world import ApiWorld

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
EXAMPLES, SEQUENCES, STEPS = (30, 120, 6) if NIGHTLY else (2, 8, 6)
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
KEY = {"Authorization": f"Bearer {EVERY_SCOPE}"}


def document() -> BaseSchema:
    """Return the document of an app of its own; open streams end at once, or each would wait for its purchase's end."""
    app = create_app(ApiWorld().deps())
    app.state.watch.is_ending = lambda: True
    found: BaseSchema = schemathesis.openapi.from_asgi("/openapi.json", app)
    return found


SCHEMA = document()
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)]


@pytest.mark.parametrize("headers", [KEY, {}], ids=["with a key", "without a key"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: str(operation.label))
def test_each_operation(operation: APIOperation[Any, Any, Any, Any], headers: dict[str, str]) -> None:
    """Values of every parameter, header and body that the document allows, and values that it does not."""
    takes_values = bool(operation.body or operation.path_parameters or operation.query)
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) if takes_values else (GenerationMode.POSITIVE,):

        @BOUNDED
        @given(case=operation.as_strategy(generation_mode=mode))
        def call(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(headers=headers, checks=CHECKS)

        call()


def test_sequences() -> None:
    """What an answer names is asked for, changed, cancelled and refunded."""
    schema = document()

    class Sequence(schema.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: schemathesis.Case[Any]) -> dict[str, object]:
            """Call with a key."""
            del case
            return {"headers": KEY}

        def validate_response(self, response: Any, case: schemathesis.Case[Any], **_: object) -> None:
            """Check what the single requests are checked for."""
            case.validate_response(response, checks=CHECKS)

    Sequence.run(settings=settings(BOUNDED, max_examples=SEQUENCES, stateful_step_count=STEPS))
