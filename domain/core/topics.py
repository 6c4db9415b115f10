"""Topics: the names that events and aggregates are stored under; they outlive the names and places of classes."""

import importlib
import pkgutil
from functools import cache

from eventsourcing.utils import TopicError, register_topic, resolve_topic


def register(stored: type) -> None:
    """Register a class under its topic; refuse one without a topic of its own, and a topic that is taken.

    The empty topic is that of a base class, which is never stored.
    """
    topic = vars(stored).get("TOPIC")
    if topic is None:
        raise TypeError(f"{stored.__qualname__} needs a TOPIC of its own, the name that it is stored under for ever")
    if not topic:
        return
    try:
        register_topic(topic, stored)
    except TopicError:
        other = resolve_topic(topic).__qualname__
        raise TypeError(f"{stored.__qualname__} needs another TOPIC: {topic!r} is that of {other}") from None


@cache
def import_all() -> None:
    """Import every module of the domain, so that each topic can be resolved in any process."""
    domain = importlib.import_module(__name__.partition(".")[0])  # by name: core may import none of its neighbours
    for module in pkgutil.walk_packages(domain.__path__, f"{domain.__name__}."):
        importlib.import_module(module.name)
