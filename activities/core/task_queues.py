"""The task queues: one per external system, so that an outage of one never delays the others.

Each activity names its queue where it is defined: `@activity_on(STRIPE, name="create_intent")`. A worker runs the
activities of its queue; a workflow reads the queue from the activity that it calls.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from temporalio import activity

PURCHASES = "purchases"
STRIPE = "stripe"
MINT = "mint"
IPFS = "ipfs"
WEBHOOKS = "webhooks"
LETTERS = "letters"

Method = TypeVar("Method", bound=Callable[..., Any])
MARK = "__task_queues__"


def activity_on(queue: str, *, name: str, local_first: bool = False) -> Callable[[Method], Method]:
    """Declare an activity: its stored name and its task queue.

    With `local_first` workflows may try it as a local activity before they schedule it on the queue, so the workflows'
    worker runs it too.
    """

    def declare(method: Method) -> Method:
        setattr(method, MARK, tuple(dict.fromkeys((queue, PURCHASES) if local_first else (queue,))))
        return activity.defn(name=name)(method)

    return declare


def queues_of(method: Callable[..., Any]) -> tuple[str, ...]:
    """Return the queues whose workers run an activity, its own first; raise TypeError for any other function."""
    queues: tuple[str, ...] | None = getattr(method, MARK, None)
    if queues is None:
        raise TypeError(f"no worker runs {method.__qualname__}: declare it with @activity_on(queue, name=...)")
    return queues
