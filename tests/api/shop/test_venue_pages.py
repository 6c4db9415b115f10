"""A venue's pages: who may see them, and that their figures are those of the API."""

import csv
import io
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from typing import Any

import httpx
import pytest

from api.http.guard import ACCESS, SESSION_COOKIE, GuardedRoute
from api.shop.render import POLICY
from api.shop.venue import pages
from tests.api.routes.on_sale import PURCHASES, key, wanting
from tests.api.shop.conftest import SHOP
from tests.fakes.api_client import EVERY_SCOPE, api_client, app_over
from tests.fakes.shop_world import ApiWorld

SIGN_IN = "/venue/sign-in"
ROUTES = [route for route in pages.router.routes if isinstance(route, GuardedRoute)]
OF_A_SESSION = [route for route in ROUTES if getattr(route.endpoint, ACCESS).by_session]
FORMS = [route.path for route in ROUTES if "POST" in (route.methods or ())]
NOVEMBER = datetime(2026, 11, 30, 12, tzinfo=UTC)


async def signed_in(browser: httpx.AsyncClient, credential: str = EVERY_SCOPE) -> httpx.Response:
    return await browser.post(SIGN_IN, data={"key": credential})


@pytest.fixture
async def api(world: ApiWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with api_client(app_over(world.deps())) as client:
        yield client


async def sell(api: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any], *quantities: int) -> list[str]:
    """Sell orders of so many tickets; return all their tickets."""
    tickets = []
    for number, quantity in enumerate(quantities):
        made = (await api.post(PURCHASES, json=wanting(show, quantity), headers=key(f"o{number}"))).json()
        await world.pay(made["purchase_id"])
        found = (await api.get(f"{PURCHASES}/{made['purchase_id']}")).json()
        tickets += [one["ticket_id"] for one in found["tickets"]]
    return tickets


async def enter(api: httpx.AsyncClient, show: dict[str, Any], ticket_id: str, gate: str) -> None:
    scan = {"show_id": show["show_id"], "gate": gate, "nonce": ticket_id, "ticket_id": ticket_id}
    assert (await api.post("/api/v1/checkins", json=scan)).json()["admitted"]


def cells(page: str) -> list[list[str]]:
    """Return the rows of all tables of a page, as their cells."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", page, re.DOTALL)
    found = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    return [[unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in row] for row in found]


def row_of(page: str, name: str) -> list[str]:
    """Return the cells after the row's name."""
    return next((found[1:] for found in cells(page) if found and found[0] == name), [])


async def test_a_good_key_opens_the_pages_and_stays_sealed(browser: httpx.AsyncClient, show: dict[str, Any]) -> None:
    """Its cookie is for these pages, for no script and no other site, and nobody reads the key in it."""
    answer = await signed_in(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/venue")
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie.lower() for word in ("httponly", "samesite=strict", "path=/venue"))
    assert EVERY_SCOPE not in cookie
    home = await browser.get("/venue")
    assert (home.status_code, home.headers["location"]) == (303, f"/venue/{show['venue_id']}")
    page = await browser.get(home.headers["location"])
    assert (page.status_code, page.headers["content-security-policy"]) == (200, POLICY)
    assert "Hall" in page.text
    await browser.post("/venue/sign-out")
    assert SESSION_COOKIE not in browser.cookies
    assert (await browser.get("/venue")).headers["location"] == SIGN_IN


@pytest.mark.parametrize("credential", ["", "nonsense", "bo_sk_default_x_y"])
async def test_a_bad_key_is_told_so(browser: httpx.AsyncClient, credential: str) -> None:
    """Nothing is kept."""
    answer = await signed_in(browser, credential)
    assert answer.status_code == 401
    assert "unknown, expired or revoked" in answer.text
    assert "set-cookie" not in answer.headers


async def test_a_key_of_a_gate_manages_nothing(browser: httpx.AsyncClient, world: ApiWorld) -> None:
    """The scope manage is needed at the door of the pages, and behind it."""
    gate = await world.key("door")
    answer = await signed_in(browser, gate)
    assert (answer.status_code, "scope manage" in answer.text) == (403, True)
    browser.cookies.set(SESSION_COOKIE, world.authenticator.session_of(gate), path="/venue")
    assert (await browser.get("/venue")).status_code == 403


@pytest.mark.parametrize("route", OF_A_SESSION, ids=lambda route: route.path)
async def test_without_a_session_one_is_asked_to_sign_in(
    browser: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any], route: GuardedRoute
) -> None:
    """Also with a cookie that nobody made, one of another deployment, and one whose key was revoked."""
    path = route.path.format(venue_id=show["venue_id"], show_id=show["show_id"])
    revoked = world.authenticator.session_of("bo_sk_default_aaaa_bbbb")
    for session in (None, "x", revoked[:-8] + "AAAAAAA=", revoked):
        browser.cookies.clear()
        if session:
            browser.cookies.set(SESSION_COOKIE, session, path="/venue")
        answer = await browser.get(path, params={"month": "2026-01"})
        assert (answer.status_code, answer.headers.get("location")) == (303, SIGN_IN)


async def test_the_session_is_not_for_the_api(browser: httpx.AsyncClient, show: dict[str, Any]) -> None:
    """Another site could use a cookie that the API took."""
    session = (await signed_in(browser)).headers["set-cookie"].partition(";")[0]
    answer = await browser.get(f"/api/v1/venues/{show['venue_id']}", headers={"cookie": session})
    assert answer.status_code == 401


async def test_a_venue_sees_itself_alone(
    browser: httpx.AsyncClient, api: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]
) -> None:
    """A key of one venue finds no other one, no show of it under its own address, and nothing of another tenant."""
    other = (await api.post("/api/v1/venues", json={"name": "Other"}, headers=key("other"))).json()["venue_id"]
    await signed_in(browser, await world.key("manage", bound_to=other))
    assert (await browser.get("/venue")).headers["location"] == f"/venue/{other}"
    mine = f"/venue/{show['venue_id']}"
    for path in (mine, f"{mine}/statement.csv?month=2026-01", f"{mine}/shows/{show['show_id']}"):
        assert (await browser.get(path)).status_code == 404
    assert (await browser.get(f"/venue/{other}/shows/{show['show_id']}")).status_code == 404
    await signed_in(browser)
    assert (await browser.get(f"/venue/{other}/shows/{show['show_id']}")).status_code == 404
    assert "Other" in (await browser.get("/venue")).text
    await signed_in(browser, await world.key("manage", tenant_id="elsewhere"))
    assert (await browser.get(mine)).status_code == 404


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_of_another_site_is_refused(browser: httpx.AsyncClient, path: str) -> None:
    """Nobody is signed in or out by another site."""
    for sent in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = await browser.post(path, data={"key": EVERY_SCOPE}, headers=sent)
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


async def test_a_session_counts_as_its_key(world: ApiWorld, show: dict[str, Any]) -> None:
    """The limits of a key are those of its session."""
    counted: list[str | None] = []

    async def check(subject: str | None, address: str | None, rate_class: Any = "api", /) -> None:
        counted.append(subject)

    world.check_rate = check
    async with api_client(app_over(replace(world.deps(), shop=SHOP)), key="") as browser:
        await signed_in(browser)
        counted.clear()
        await browser.get(f"/venue/{show['venue_id']}")
    assert "default/development" in counted


async def test_the_figures_of_a_show_are_those_of_the_api(
    browser: httpx.AsyncClient, api: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]
) -> None:
    """Sales, stock, tokens and entries: each sum of the page is the one of the API's answers."""
    tickets = await sell(api, world, show, 1, 2)
    await enter(api, show, tickets[0], "North")
    await enter(api, show, tickets[1], "South")
    await signed_in(browser)
    page = (await browser.get(f"/venue/{show['venue_id']}/shows/{show['show_id']}")).text
    answers = {
        name: (await api.get(f"/api/v1/shows/{show['show_id']}{path}")).json()
        for name, path in (("show", ""), ("sales", "/sales?by=hour"), ("door", "/checkins"))
    }
    (hour,) = answers["sales"]["sales"]
    assert row_of(page, "Thu 1 Jan, 00:00") == ["2", "3", f"{hour['total_minor'] / 100:.2f}"]
    assert (hour["orders"], hour["tickets"]) == (2, 3)
    for kind in answers["show"]["ticket_types"]:
        assert row_of(page, kind["name"]) == [str(kind[name]) for name in ("sold", "held", "available")]
    tokens = answers["sales"]["tokens"]
    shown = [row_of(page, name) for name in ("Token on chain", "In the show's tree", "Token to come", "Valid tickets")]
    assert shown == [[str(tokens["minted"])], [str(tokens["leaves"])], [str(tokens["owed"])], ["3"]]
    assert row_of(page, "Inside")[-1] == str(answers["door"]["entered"]) == "2"
    assert [row_of(page, gate)[-1] for gate in ("North", "South")] == ["1", "1"]


async def test_the_money_of_a_venue_is_that_of_the_api(
    browser: httpx.AsyncClient, api: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]
) -> None:
    """Each place, their sum, the month of the statement, and its CSV to the byte."""
    world.clock = lambda: NOVEMBER
    await sell(api, world, show, 1, 2)
    await signed_in(browser)
    venue = f"/venue/{show['venue_id']}"
    page = (await browser.get(venue)).text
    (money,) = (await api.get(f"/api/v1/venues/{show['venue_id']}/balance")).json()["balances"]
    places = ("pending_minor", "available_minor", "reserved_minor", "paid_out_minor")
    assert row_of(page, "With the platform") == [f"{money['pending_minor'] / 100:.2f} EUR"]
    assert row_of(page, "Together") == [f"{sum(money[place] for place in places) / 100:.2f} EUR"]
    assert "Statement of November 2026" in page
    period = "from=2026-11-01T00:00:00%2B00:00&to=2026-12-01T00:00:00%2B00:00"
    told = await api.get(f"/api/v1/venues/{show['venue_id']}/statement?{period}&format=csv")
    file = await browser.get(f"{venue}/statement.csv?month=2026-11")
    assert (file.content, file.headers["content-type"]) == (told.content, told.headers["content-type"])
    moved = sum(int(line["amount_minor"]) for line in csv.DictReader(io.StringIO(file.text)))
    assert moved == money["pending_minor"] > 0
    assert f'<td class="number">{moved / 100:.2f}</td>' in page
    assert (await browser.get(f"{venue}/statement.csv?month=2025-12")).status_code == 404
    assert (await browser.get(f"{venue}?month=2026-12")).status_code == 404
    january = (await browser.get(f"{venue}?month=2026-01")).text
    assert "Statement of January 2026" in january
    assert "Nothing moved" in january


async def test_an_operator_has_links_to_the_workflows(world: ApiWorld, show: dict[str, Any]) -> None:
    """Where the settings name Temporal's web UI; a venue, which may not operate, has none."""
    shop = replace(SHOP, workflows_url="http://ui.example/namespaces/default/workflows")
    async with api_client(app_over(replace(world.deps(), shop=shop)), key="") as browser:
        venue = f"/venue/{show['venue_id']}"
        link = f'href="http://ui.example/namespaces/default/workflows?query=ShowId%3D%22{show["show_id"]}%22"'
        for credential, there in ((EVERY_SCOPE, True), (await world.key("manage"), False)):
            await signed_in(browser, credential)
            assert (link in (await browser.get(f"{venue}/shows/{show['show_id']}")).text) is there
            assert ("ui.example" in (await browser.get(venue)).text) is there


async def test_every_drawing_has_a_title_and_a_description(
    browser: httpx.AsyncClient, api: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]
) -> None:
    """And no style or script of its own, which the policy would stop."""
    await enter(api, show, (await sell(api, world, show, 1))[0], "North")
    await signed_in(browser)
    for path in (f"/venue/{show['venue_id']}", f"/venue/{show['venue_id']}/shows/{show['show_id']}"):
        page = (await browser.get(path)).text
        drawings = re.findall(r'<svg class="plot (?:columns|divided)[^>]*>.*?</svg>', page, re.DOTALL)
        assert drawings
        for drawing in drawings:
            assert 'role="img"' in drawing
            assert re.search(r"<title id=\"[^\"]+\">[^<]+</title>\s*<desc id=\"[^\"]+\">[^<]+</desc>", drawing)
        assert not re.search(r"style=|<style|onclick|<script(?! type=\"module\" src)", page)


async def test_without_a_shop_there_are_no_pages(world: ApiWorld) -> None:
    """As for the shop's own."""
    async with api_client(app_over(world.deps()), key="") as browser:
        assert (await browser.get(SIGN_IN)).status_code == 404
        assert (await signed_in(browser)).status_code == 404
