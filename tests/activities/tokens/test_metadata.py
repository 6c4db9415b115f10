"""Metadata of tokens: pictures and documents in the convention of the wallets, named by their CIDs."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from activities.tokens.metadata import CHUNK_BYTES_MAX, cid_of, of_show, of_ticket_type, of_venue
from activities.tokens.picture import Face, draw
from domain.catalog.show import Show, ShowAnnounced
from domain.catalog.venue import Venue, VenueRegistered
from domain.core.errors import WrongState
from domain.money.money import FeeRates

AT = datetime(2026, 12, 12, 22, 30, tzinfo=UTC)
CREATOR = "GmaDrppBC7P5ARKV8g3djiwP89vz1jLK23V2GBjuAEGB"
TYPES = [{"ticket_type_id": "tt_floor", "name": "Floor & <stairs>", "price_minor": 1, "capacity": 5}]
CONVENTION = json.loads(Path(__file__).with_name("metadata.schema.json").read_text())


def venue() -> Venue:
    return Venue.begin(
        VenueRegistered, "ve_hall", AT, tenant_id="t", name="Hall", rates=FeeRates().model_dump(), body_digest="d"
    )


def show(**terms: Any) -> Show:
    usual = {"tenant_id": "t", "venue_id": "ve_hall", "name": "Night", "currency": "eur", "ticket_types": TYPES}
    more = {"hold_seconds": 600, "capture_method": "manual", "body_digest": "d", "ends_at": AT}
    return Show.begin(ShowAnnounced, "sh_night", AT, **{**usual, **more, **terms})


def test_documents_follow_the_convention_of_the_wallets() -> None:
    """Venue, show and ticket have the fields that wallets read; the picture is in the document by its CID."""
    for drawing in (
        of_venue(venue(), CREATOR),
        of_show(show(), venue(), CREATOR),
        of_ticket_type(show(), venue(), "tt_floor", CREATOR),
        of_ticket_type(show(ends_at=None), venue(), "tt_floor", CREATOR),
    ):
        document = json.loads(drawing.document)
        jsonschema.validate(document, CONVENTION)
        assert document["image"] == f"ipfs://{drawing.image_cid}" == document["properties"]["files"][0]["uri"]
        assert (drawing.cid, drawing.image_cid) == (cid_of(drawing.document.encode()), cid_of(drawing.image.encode()))


def test_a_ticket_says_show_place_end_and_type() -> None:
    """In the attributes and in the picture; the end is in UTC, and called the end: a show knows no other moment."""
    drawing = of_ticket_type(show(), venue(), "tt_floor", CREATOR)
    document = json.loads(drawing.document)
    traits = {one["trait_type"]: one["value"] for one in document["attributes"]}
    assert traits == {"show": "Night", "venue": "Hall", "ends": "2026-12-12T22:30+00:00", "type": "Floor & <stairs>"}
    assert document["properties"]["creators"] == [{"address": CREATOR, "share": 100}]
    elsewhere = show(ends_at=AT.astimezone(timezone(timedelta(hours=9))))
    assert of_ticket_type(elsewhere, venue(), "tt_floor", CREATOR) == drawing
    texts = "".join(ET.fromstring(drawing.image).itertext())  # noqa: S314 - our own text
    for shown in ("Night", "Hall", "ENDS (UTC)", "12 Dec 2026 22:30", "FLOOR & <STAIRS>"):
        assert shown in texts


def test_the_same_show_gives_the_same_bytes() -> None:
    """Two workers draw one picture; another name, end or type draws another."""
    first = of_ticket_type(show(), venue(), "tt_floor", CREATOR)
    assert of_ticket_type(show(), venue(), "tt_floor", CREATOR) == first
    assert of_ticket_type(show(name="Day"), venue(), "tt_floor", CREATOR).cid != first.cid
    assert of_show(show(), venue(), CREATOR).image_cid != first.image_cid


@pytest.mark.parametrize(
    "name",
    [
        "W" * 200,
        "東京オーケストラ" * 20,
        "a b " * 50,
        "Ω\u0301",
        "",
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        'x" onload="alert(1)',
        "<script>1</script>",
        "]]>",
        "\x01a\x7f",
    ],
)
def test_every_name_is_a_well_formed_picture_without_script(name: str) -> None:
    """Whatever a venue calls its show: XML of one chunk, whose elements are those that we draw."""
    picture = draw(Face(name, name, "12 Dec 2026 22:30", name, "sh"))
    tags = {one.tag.rpartition("}")[2] for one in ET.fromstring(picture).iter()}  # noqa: S314 - our own text
    drawn = {"svg", "defs", "linearGradient", "radialGradient", "stop", "clipPath", "path", "rect", "g", "circle"}
    assert tags <= drawn | {"text", "tspan"}
    assert not [key for one in ET.fromstring(picture).iter() for key in one.keys() if key.startswith("on")]  # noqa: S314, SIM118
    assert len(picture.encode()) < CHUNK_BYTES_MAX


def test_a_cid_is_that_of_raw_bytes() -> None:
    """The published CID of a known text, and a file of more than one chunk is refused: nodes disagree on those."""
    assert cid_of(b"Hello world") == "bafkreide5semuafsnds3ugrvm6fbwuyw2ijpj43gwjdxemstjkfozi37hq"
    assert cid_of(b"")[:7] == "bafkrei"
    assert hashlib.sha256(b"").digest() not in cid_of(b"").encode()
    assert cid_of(b"x" * CHUNK_BYTES_MAX)
    with pytest.raises(WrongState):
        cid_of(b"x" * (CHUNK_BYTES_MAX + 1))
