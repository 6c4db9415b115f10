"""Hash chain of a stream: each stored event begins with a digest over its own bytes and the previous digest.

The digest covers the stored bytes only, not their interpretation: an upcast of old events does not break the chain.
"""

import hashlib

from eventsourcing.persistence import StoredEvent

GENESIS = "0" * 64
_OPEN, _CLOSE = b'{"digest":"', b'",'
_DIGEST = slice(len(_OPEN), len(_OPEN) + len(GENESIS))
_REST = _DIGEST.stop + len(_CLOSE)


def link(previous: str, event: StoredEvent) -> tuple[StoredEvent, str]:
    """Put the digest of an event in front of its state, a JSON object without one yet; return event and digest.

    PostgreSQL stores no NUL in a text, so the hashed parts never run into each other.
    """
    parts = f"{previous}\0{event.originator_id}\0{event.originator_version}\0{event.topic}\0"
    digest = hashlib.sha256(parts.encode() + event.state).hexdigest()
    state = b"".join((_OPEN, digest.encode(), _CLOSE, event.state[1:]))
    return StoredEvent(event.originator_id, event.originator_version, event.topic, state), digest


def digest_of(event: StoredEvent) -> str:
    """Return the digest that a stored event carries."""
    return event.state[_DIGEST].decode(errors="replace")


def follows(previous: str, event: StoredEvent) -> bool:
    """Return whether a stored event is, byte for byte, the one that was linked to this digest."""
    bare = StoredEvent(event.originator_id, event.originator_version, event.topic, b"{" + event.state[_REST:])
    return link(previous, bare)[0].state == event.state
