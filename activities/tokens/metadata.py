"""Metadata of tokens: a picture and a JSON document, each named by the hash of its bytes (CIDv1).

Both are stored as events before anything that points to them is signed, so they outlive every host. They are the same
for all tickets of a show and type: nothing in them, and so nothing on chain, tells a ticket, a purchase or a person.
"""

import hashlib
import json
from datetime import UTC, datetime

import libipld

from activities.core.ports import EventStore
from activities.tokens.picture import Face, draw
from domain.catalog.show import Show
from domain.catalog.venue import Venue
from domain.core.errors import WrongState
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.has_token import Drawing, TokenizedAggregate

CHUNK_BYTES_MAX = 262_144  # a node stores more than this in several blocks, and no two kinds of node agree on how
RAW_SHA256 = bytes([1, 0x55, 0x12, 32])  # CIDv1, raw bytes, SHA-256 of 32 bytes
SCHEME = "ipfs://"
SVG, JSON = "image/svg+xml", "application/json"
JSON_TEXT = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))  # its bytes are hashed
CREATORS_SHARE = 100


def cid_of(content: bytes) -> str:
    """Return the CID that every IPFS node gives a file of one chunk; raise WrongState for a larger one."""
    if len(content) > CHUNK_BYTES_MAX:
        raise WrongState(f"the file of {len(content)} bytes exceeds one chunk of {CHUNK_BYTES_MAX}")
    return libipld.encode_cid(RAW_SHA256 + hashlib.sha256(content).digest())


def uri_of(drawing: Drawing) -> str:
    """Return the uri of a document, as it stands on chain."""
    return SCHEME + drawing.cid


def of_venue(venue: Venue, creator: str) -> Drawing:
    """Draw the metadata of a venue's group; `creator` is the address on chain that makes the tokens."""
    face = Face(venue.name, "", "", "", venue.identity)
    about = {"name": venue.name, "symbol": "VENUE", "description": f"The venue {venue.name}."}
    return _drawn("", face, about, {"venue": venue.name}, creator)


def of_show(show: Show, venue: Venue, creator: str) -> Drawing:
    """Draw the metadata of a show's group."""
    face = Face(show.name, venue.name, _moment(show.ends_at), "", show.identity)
    about = {"name": show.name, "symbol": "SHOW", "description": f"The show {show.name} at {venue.name}."}
    return _drawn("", face, about, _traits(show, venue), creator)


def of_ticket_type(show: Show, venue: Venue, ticket_type_id: str, creator: str) -> Drawing:
    """Draw the metadata of all tickets of one type."""
    kind = show.type_of(ticket_type_id).name
    face = Face(show.name, venue.name, _moment(show.ends_at), kind, show.identity)
    description = f"One {kind} ticket for {show.name} at {venue.name}."
    about = {"name": show.name, "symbol": "TICKET", "description": description}
    traits = {**_traits(show, venue), "type": kind}
    return _drawn(ticket_type_id, face, about, traits, creator)


async def record_drawing(store: EventStore, bearer: TokenizedAggregate, drawing: Drawing) -> str:
    """Store metadata before anything points to it, if it is new; return its uri."""
    if bearer.drawings.get(drawing.about) != drawing.cid:

        def decide(uow: UnitOfWork) -> None:
            uow.get(type(bearer), bearer.identity).draw(drawing, uow.at)

        await store.commit(decide)
    return uri_of(drawing)


def _drawn(about_type: str, face: Face, about: dict[str, str], traits: dict[str, str], creator: str) -> Drawing:
    """Return picture and document, in the convention of the wallets; no page for people exists to link to."""
    image = draw(face)
    image_cid = cid_of(image.encode())
    document = JSON_TEXT.encode({
        **about,
        "image": SCHEME + image_cid,
        "attributes": [{"trait_type": trait, "value": value} for trait, value in traits.items() if value],
        "properties": {
            "category": "image",
            "files": [{"uri": SCHEME + image_cid, "type": SVG}],
            "creators": [{"address": creator, "share": CREATORS_SHARE}],
        },
    })  # fmt: skip
    return Drawing(about_type, cid_of(document.encode()), document, image_cid, image)


def _traits(show: Show, venue: Venue) -> dict[str, str]:
    """Return what a token says about its show; what the show does not say is left out of the document."""
    starts_at, ends_at = (_exact(at) for at in (show.details.starts_at, show.ends_at))
    return {"show": show.name, "venue": venue.name, "starts": starts_at, "ends": ends_at, "place": show.details.place}


def _exact(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="minutes")


def _moment(at: datetime | None) -> str:
    """Return a moment as people write it, in UTC."""
    return "" if at is None else f"{(utc := at.astimezone(UTC)).day} {utc:%b %Y %H:%M}"
