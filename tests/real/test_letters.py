"""Letters on the whole real stack: tickets that the door lets in, a killed worker, bad addresses, an erased buyer."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

from adapters.privacy.ticket_qr import drawn
from cli.main import app
from devstack.config import POSTGRES_URL
from tests.fakes.patience import PATIENCE_SECONDS
from tests.real.shop import Shop

UNKNOWN_SECONDS = 300  # a letter that was on its way when its worker died is tried again after two minutes
pytestmark = [pytest.mark.real, pytest.mark.timeout(500)]


class Inbox:
    """The inbox of the stack."""

    def __init__(self, shop: Shop) -> None:
        self._at = shop.stack.urls["inbox"]

    async def _get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self._at) as http:
            return await http.get(path)

    async def of(self, address: str) -> list[Any]:
        """Return the letters to an address, the newest first."""
        return [letter for letter in (await self._get("/letters.json")).json() if address in letter["receivers"]]

    async def until(self, address: str, found: Callable[[list[Any]], Any]) -> list[Any]:
        async with asyncio.timeout(UNKNOWN_SECONDS):
            while not found(letters := await self.of(address)):  # noqa: ASYNC110 - another process sends them
                await asyncio.sleep(0.1)
        return letters

    async def part(self, letter: Any, media_type: str) -> bytes:
        """Return the first file of a kind."""
        number = next(part["number"] for part in letter["parts"] if part["media_type"] == media_type)
        return (await self._get(f"/letters/{letter['number']}/parts/{number}")).content


async def states_of(shop: Shop, purchase_id: str) -> Counter[str]:
    async with await psycopg.AsyncConnection.connect(shop.stack.env[POSTGRES_URL]) as connection:
        rows = await (
            await connection.execute("SELECT state FROM letters WHERE purchase_id = %s", (purchase_id,))
        ).fetchall()
    return Counter(state for (state,) in rows)


async def bought(shop: Shop, key: str, address: str) -> dict[str, Any]:
    made: dict[str, Any] = (await shop.buy(key, 1, buyer={"email": address})).raise_for_status().json()
    assert await shop.pay(made["client_secret"]) == httpx.codes.OK
    return made


async def test_the_code_of_a_letter_opens_the_door(shop: Shop) -> None:
    """The picture in the letter is the drawn code, the PDF is there, and the link opens the order's page."""
    await shop.open(place="The Blue Hall", time_zone="Europe/Berlin", starts_at="2100-12-31T19:00:00+00:00")
    inbox, ann = Inbox(shop), "letter-ann@example.org"
    made = await bought(shop, "letter-1", ann)
    (letter,) = await inbox.until(ann, bool)
    assert "Fri 31 December 2100, 20:00 (Europe/Berlin)" in letter["text"]
    code = next(line.strip() for line in letter["text"].splitlines() if line.strip().startswith("BX1."))
    assert await inbox.part(letter, "image/png") == drawn(code, "png")
    assert (await inbox.part(letter, "application/pdf")).startswith(b"%PDF")
    scan = {"show_id": shop.show_id, "gate": "North", "nonce": "letter", "ticket_code": code}
    assert (await shop.http.post("/api/v1/checkins", json=scan)).json()["admitted"]
    link = next(word for word in letter["text"].split() if "/orders/" in word)
    assert ann not in link
    async with httpx.AsyncClient(follow_redirects=True) as browser:
        page = await browser.get(link)
    assert (page.status_code, "Your order" in page.text or "Order" in page.text) == (200, True)
    await shop.ended(made["purchase_id"])


@pytest.mark.nightly
async def test_each_letter_comes_once_through_a_killed_worker_and_beside_bad_addresses(shop: Shop) -> None:
    """One address is refused for good, one for now; an answer is lost; and the worker is killed meanwhile."""
    await shop.open()
    inbox, good = Inbox(shop), [f"letter-{number}@example.org" for number in range(4)]
    bad = {"refused+letter@example.org": "refused", "later+letter@example.org": "due", "lost+letter@example.org": "due"}
    made = [await bought(shop, f"letter-{address}", address) for address in (*bad, *good)]
    shop.stack.kill("worker")
    for address in good:
        await inbox.until(address, bool)
    for purchase, state in zip(made, [*bad.values(), *("sent" for _ in good)], strict=True):
        await shop.ended(purchase["purchase_id"])
        async with asyncio.timeout(PATIENCE_SECONDS):
            while state not in await states_of(shop, purchase["purchase_id"]):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
    for address in good:
        assert len(ids := {letter["message_id"] for letter in await inbox.of(address)}) == 1
        letters = await inbox.of(address)
        assert len(letters) == len(ids) or "this letter twice" in letters[0]["text"]


async def test_a_corrected_address_gets_the_letter_that_was_set_aside(shop: Shop) -> None:
    """By the operator's command, after which the workflow starts by itself."""
    await shop.open()
    inbox, right = Inbox(shop), "letter-corrected@example.org"
    made = await bought(shop, "letter-wrong", "refused+wrong@example.org")
    purchase_id = made["purchase_id"]
    await shop.ended(purchase_id)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "refused" not in await states_of(shop, purchase_id):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    patched = await shop.http.patch(f"/api/v1/purchases/{purchase_id}/buyer", json={"email": right})
    assert patched.is_success, patched.text
    command = ("letters", "resend", purchase_id, "--operator", "ada", "--reason", "address corrected")
    sent = await asyncio.to_thread(CliRunner().invoke, app, command, env=dict(shop.stack.env))
    assert sent.exit_code == 0, sent.output
    (letter,) = await inbox.until(right, bool)
    assert "BX1." in letter["text"]
    assert "twice" not in letter["text"]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await states_of(shop, purchase_id) != Counter({"sent": 1}):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)


async def test_an_erased_buyer_hears_nothing_more(shop: Shop) -> None:
    """The others hear that their show moved; no row of the letters has an address."""
    await shop.open(place="The Blue Hall")
    inbox, gone, stays = Inbox(shop), "letter-gone@example.org", "letter-stays@example.org"
    first, second = [await bought(shop, address, address) for address in (gone, stays)]
    for address in (gone, stays):
        await inbox.until(address, bool)
    for purchase in (first, second):
        await shop.ended(purchase["purchase_id"])
    answer = await shop.http.delete(f"/api/v1/purchases/{first['purchase_id']}/buyer")
    assert answer.is_success, answer.text
    moved = await shop.http.patch(f"/api/v1/shows/{shop.show_id}", json={"place": "Opera"})
    assert moved.is_success, moved.text
    newest, _ = await inbox.until(stays, lambda letters: len(letters) > 1)
    assert "Place: Opera (before: The Blue Hall)" in newest["text"]
    assert len(await inbox.of(gone)) == 1
    async with await psycopg.AsyncConnection.connect(shop.stack.env[POSTGRES_URL]) as connection:
        rows = await (await connection.execute("SELECT l::text FROM letters l")).fetchall()
    assert [row for (row,) in rows if "@" in row] == []
