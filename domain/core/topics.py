"""Topics: the stored names of events and aggregates; they stay when classes are renamed or moved."""

import importlib
import pkgutil
from functools import cache

from eventsourcing.utils import TopicError, register_topic, resolve_topic


def register(stored: type) -> None:
    """Register a class under its topic; raise TypeError without a topic of its own or if the topic is taken.

    Base classes, which are never stored, have an empty topic.
    """
    topic = vars(stored).get("TOPIC")
    if topic is None:
        raise TypeError(f"{stored.__qualname__} needs a TOPIC of its own, its permanent stored name")
    if not topic:
        return
    try:
        register_topic(topic, stored)
    except TopicError:
        other = resolve_topic(topic).__qualname__
        raise TypeError(f"{stored.__qualname__} needs another TOPIC: {topic!r} belongs to {other}") from None


@cache
def import_all() -> None:
    """Import every module of the domain, so that every topic resolves in any process."""
    domain = importlib.import_module(__name__.partition(".")[0])  # by name: core may import none of its neighbours
    for module in pkgutil.walk_packages(domain.__path__, f"{domain.__name__}."):
        importlib.import_module(module.name)
