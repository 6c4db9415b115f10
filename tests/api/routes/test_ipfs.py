"""The files that tokens point to are served by their CIDs: for ever, to everybody, and harmless in a browser."""

import hashlib
from typing import Any

import httpx
import pytest

from activities.tokens.metadata import cid_of, of_show, record_drawing
from domain.catalog.show import Show
from domain.catalog.venue import Venue
from domain.tickets.has_token import Drawing
from tests.fakes.api_client import api_client, app_over
from tests.fakes.shop_world import WALLET, ApiWorld


@pytest.fixture
async def drawn(world: ApiWorld, client: httpx.AsyncClient, show: dict[str, Any]) -> Drawing:
    found = await world.store.read(lambda uow: uow.get(Show, show["show_id"]))
    venue = await world.store.read(lambda uow: uow.get(Venue, found.venue_id))
    drawing = of_show(found, venue, WALLET)
    assert await record_drawing(world.store, found, drawing) == f"ipfs://{drawing.cid}"
    return drawing


@pytest.mark.parametrize("with_key", [True, False])
async def test_a_file_is_served_by_its_hash(world: ApiWorld, drawn: Drawing, *, with_key: bool) -> None:
    """Document and picture come with their types, to whoever asks, and their bytes have their names."""
    key = {} if with_key else {"key": ""}
    async with api_client(app_over(world.deps()), raise_app_exceptions=True, **key) as anybody:
        for cid, media_type in ((drawn.cid, "application/json"), (drawn.image_cid, "image/svg+xml")):
            answer = await anybody.get(f"/ipfs/{cid}")
            assert answer.status_code == 200
            assert answer.headers["content-type"].partition(";")[0] == media_type
            assert cid_of(answer.content) == cid
            assert hashlib.sha256(answer.content).digest()


async def test_a_file_may_be_kept_for_ever_and_read_from_every_page(client: httpx.AsyncClient, drawn: Drawing) -> None:
    """Wallets read it from their own origin; opened in a browser, a picture runs nothing."""
    answer = await client.get(f"/ipfs/{drawn.image_cid}", headers={"Origin": "https://wallet.example"})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["etag"] == f'"{drawn.image_cid}"'
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("known", ['"{}"', 'W/"{}"', '"other", "{}"', "*"])
async def test_a_known_file_is_not_sent_again(client: httpx.AsyncClient, drawn: Drawing, known: str) -> None:
    """304 without a body; another ETag gets the file."""
    answer = await client.get(f"/ipfs/{drawn.cid}", headers={"If-None-Match": known.format(drawn.cid)})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", f'"{drawn.cid}"')
    other = await client.get(f"/ipfs/{drawn.cid}", headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


async def test_head_gets_the_headers(client: httpx.AsyncClient, drawn: Drawing) -> None:
    """The same headers and the length, without the file."""
    answer, whole = await client.head(f"/ipfs/{drawn.cid}"), await client.get(f"/ipfs/{drawn.cid}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(whole.content))
    assert answer.headers["etag"] == whole.headers["etag"]


async def test_what_nobody_drew_is_not_found(client: httpx.AsyncClient) -> None:
    """It is no gateway to the rest of IPFS; a name that is no CID of ours is refused."""
    assert (await client.get(f"/ipfs/{cid_of(b'other')}")).status_code == 404
    assert (await client.get("/ipfs/QmNRCQWfgze6AbBCaT1rkrkV5tJ2aP4oTNPb5JZcXYywve")).status_code == 422
