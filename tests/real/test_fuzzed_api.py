"""Schemathesis against the served API, as every role: no 5xx, and no answer that the document does not declare.

`FUZZ_SECONDS` bounds it, `FUZZ_SEED` is the first round's seed; a failing request is printed as curl.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import count
from random import Random
from typing import Any, get_args

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

from domain.access.subject import Scope
from tests.fakes.evidence import require_invariants
from tests.property.test_whole_document import CHECKS
from tests.real.shop import Shop

SECONDS = int(os.environ.get("FUZZ_SECONDS", "600"))
FIRST_SEED = int(os.environ.get("FUZZ_SEED", "1"))
EXAMPLES = 3  # of an operation as a role in one round
WRONG_SHARE = 0.3
REQUEST_SECONDS_MAX = 30
STREAM = "text/event-stream"
pytestmark = [pytest.mark.real, pytest.mark.nightly, pytest.mark.timeout(SECONDS + 900)]
Operation = APIOperation[Any, Any, Any, Any]
Known = Mapping[str, list[str]]
Answers = Counter[tuple[str, int]]
Faults = dict[str, str]


async def test_every_role_may_ask_anything(shop: Shop) -> None:
    """What is asked is invented, or about a show, a purchase and a ticket that exist; afterwards all is whole."""
    known: dict[str, list[str]] = {"purchase_id": [], "show_id": [], "venue_id": [], "ticket_id": []}
    for number in range(3):
        await shop.open(capacity=1_000)
        bought = (await shop.buy(f"fuzzed-{number}", 2)).json()
        await shop.pay(bought["client_secret"])
        ended = await shop.ended(bought["purchase_id"])
        known["purchase_id"].append(bought["purchase_id"])
        known["show_id"].append(shop.show_id)
        known["venue_id"].append(shop.venue_id)
        known["ticket_id"] += [ticket["ticket_id"] for ticket in ended["tickets"]]
    roles = {scope: {"Authorization": f"Bearer {await key(shop, '--scope', scope)}"} for scope in get_args(Scope)}
    roles["one venue"] = {"Authorization": f"Bearer {await key(shop, '--scope', 'manage', '--venue', shop.venue_id)}"}
    roles["publishable"] = {"Authorization": f"Bearer {await key(shop, '--publishable')}"}
    roles |= {"every scope": shop.stack.key, "buyer": {"Purchase-Token": bought["purchase_token"]}, "nobody": {}}
    answers, faults = await asyncio.to_thread(fuzz, shop.stack.urls["api"], roles, known)
    print(sorted(answers.items()))  # noqa: T201 - a nightly run's figures
    assert not faults, "\n\n".join(faults.values())
    asked = {role for role, _ in answers}
    assert asked == set(roles)
    tried, limited = answers.total(), sum(count for (_, status), count in answers.items() if status == 429)
    assert limited < tried // 4, f"{limited} of {tried} answers are 429: nothing was tried"
    require_invariants((await shop.at_rest(set())).findings)


async def key(shop: Shop, *options: str) -> str:
    """Create a key on the stack and return its secret."""
    command = (sys.executable, "-m", "cli.main", "keys", "create", *options, "--json")
    child = await asyncio.create_subprocess_exec(
        *command, "--data-dir", str(shop.stack.folder), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate()
    assert child.returncode == 0
    return str(json.loads(said)["key"])


def fuzz(url: str, roles: Mapping[str, Mapping[str, str]], known: Known) -> tuple[Answers, Faults]:
    """Try every operation as every role, round by round, until the time is over.

    Return the count of answers by role and status, and the first fault of each operation.
    """
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    answers, faults = Answers(), Faults()
    until = time.monotonic() + SECONDS
    for number, (operation, role) in enumerate(rounds(operations, tuple(roles))):
        if time.monotonic() > until:
            break
        try:
            ask(operation, role, roles[role], known, FIRST_SEED + number, answers)
        except (Exception, BaseExceptionGroup) as fault:  # noqa: BLE001 - all of them are told at the end
            faults.setdefault(
                operation.label, f"{operation.label} as {role}, seed {FIRST_SEED + number}: {told(fault)}"
            )
    return answers, faults


def rounds(operations: list[Operation], roles: tuple[str, ...]) -> Iterator[tuple[Operation, str]]:
    """Yield every operation once, then again as other roles, for ever.

    Open streams are tried in-process, where they end at once.
    """
    asked = [one for one in operations if STREAM not in json.dumps(one.definition.raw)]
    assert len(operations) - len(asked) < 5
    for shift in count():
        yield from ((one, roles[(number + shift) % len(roles)]) for number, one in enumerate(asked))


def ask(
    operation: Operation,
    role: str,
    headers: Mapping[str, str],
    known: Known,
    first: int,
    answers: Answers,
) -> None:
    """Send a few requests to one operation and check their answers."""
    is_wrong = has_values(operation) and Random(first).random() < WRONG_SHARE  # noqa: S311 - a seed
    mode = GenerationMode.NEGATIVE if is_wrong else GenerationMode.POSITIVE

    @seed(first)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), which=st.integers(0, 3))
    def call(case: schemathesis.Case[Any], which: int) -> None:
        for name in case.path_parameters or {}:
            if which and name in known:
                case.path_parameters[name] = known[name][which % len(known[name])]
        answer = case.call(headers=dict(headers), timeout=REQUEST_SECONDS_MAX)
        answers[role, answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)

    call()


def told(fault: BaseException) -> str:
    """Return the text of a fault, with those that it groups."""
    return "\n".join([str(fault), *(told(one) for one in getattr(fault, "exceptions", ()))])


def has_values(operation: Operation) -> bool:
    """Whether there is a value that can be wrong."""
    return bool(operation.body or operation.path_parameters or operation.query)
