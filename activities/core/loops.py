"""The bodies of loops over subjects: marked where they are defined, so that the loops are collected from the code.

A loop over subjects runs through `relay.each.Each`, `workflows.core.runs.each.WorkflowEach` or `each_alone`: they set
aside the subjects that fail, and go on with the others.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from domain.core.transient import TransientError

S = TypeVar("S")
T = TypeVar("T")
_LOOP = "__loop__"
log = logging.getLogger(__name__)


class Loop(NamedTuple):
    """A loop: its name in logs and metrics, and the identity of a subject."""

    name: str
    identity: Callable[[Any], str]


def each_subject(
    name: str, identity: Callable[[Any], str] = str
) -> Callable[[Callable[[Any, S], Awaitable[T]]], Callable[[Any, S], Awaitable[T]]]:
    """Mark a method as the body of a loop over subjects."""

    def mark(body: Callable[[Any, S], Awaitable[T]]) -> Callable[[Any, S], Awaitable[T]]:
        setattr(body, _LOOP, Loop(name, identity))
        return body

    return mark


def first_of(subject: Sequence[Any]) -> str:
    """Return the first value of a subject: its id."""
    return str(subject[0])


def loop_of(body: Callable[..., Any]) -> Loop:
    """Return the loop of a marked method; raise TypeError for another one."""
    loop = getattr(body, _LOOP, None)
    if loop is None:
        raise TypeError(f"{body.__qualname__} is no body of a loop: give it the decorator each_subject")
    return Loop(*loop)


async def each_alone(body: Callable[[S], Awaitable[None]], subjects: Sequence[S]) -> list[str]:
    """Run a loop's body once for every subject; log those that fail, for which something else must care.

    Return the failures. When none succeeds because of a transient error, raise it: it is not the subjects' own.
    """
    loop, outage, failures = loop_of(body), None, list[str]()
    for subject in subjects:
        try:
            await body(subject)
        except Exception as error:
            log.exception("%s: %s is left", loop.name, loop.identity(subject))
            outage = error if isinstance(error, TransientError) else outage
            failures.append(str(error))
    if outage is not None and len(failures) == len(subjects):
        raise outage
    return failures
