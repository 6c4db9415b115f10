"""`python -m tests.docs.acts > docs/acts.md`: the reasons for needing an operator, and the acts, from the code."""

import sys

from workflows.core.acts import acts_of
from workflows.core.reasons import ADVICE, Reason
from workflows.registry import declared_workflows

HEAD = """# Operators' acts

Written by `make docs` from the code; do not edit. A workflow that needs an operator says since when, why (one of these
reasons), and which acts it would take now, with their cost: in Temporal's web UI, and in the answer to the query
`operator_status`. An act is an *update*: one JSON object with the operator's login, a reason, the stage that the
operator saw, and the act's own fields. It is refused with a sentence when it is wrong or late, and recorded as an event
with the operator's login when it is taken. Login and reason are kept for ever: no names of people, no e-mail addresses.
Commands are in [the runbook](runbook.md#operators-acts); why it is so:
[decision 0049](decisions/0049-an-operators-act-is-an-update.md).
"""


def page() -> str:
    """Return the page."""
    return "\n".join(
        [
            HEAD,
            "## Reasons",
            "",
            "| reason | means | by itself | acts that end it |",
            "|---|---|---|---|",
            *(_reason(reason) for reason in Reason),
            "",
            "## Acts",
            "",
            "| act | does | cost | own fields | taken by |",
            "|---|---|---|---|---|",
            *_acts(),
            "",
        ]
    )


def _reason(reason: Reason) -> str:
    advice = ADVICE[reason]
    acts = ", ".join(f"`{act.name}`" for act in advice.acts) or "none: see the middle column"
    return f"| `{reason}` | {advice.meaning} | {advice.by_itself} | {acts} |"


def _acts() -> list[str]:
    takers: dict[str, list[str]] = {}
    kinds = {}
    for workflow in declared_workflows():
        for kind, _ in acts_of(workflow).values():
            kinds[kind.name] = kind
            takers.setdefault(kind.name, []).append(workflow.__name__)
    every = len(declared_workflows())
    return [
        f"| `{name}` | {kinds[name].text} | {kinds[name].cost} | {', '.join(kinds[name].own_fields) or '-'} | "
        f"{'every workflow' if len(takers[name]) == every else ', '.join(takers[name])} |"
        for name in sorted(kinds)
    ]


if __name__ == "__main__":
    sys.stdout.write(page())
