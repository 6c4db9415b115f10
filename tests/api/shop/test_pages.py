"""The shop's pages: what a buyer sees and may do, and what a stranger and another site may not."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest

from activities.catalog.prices import ChangeShow
from api.http.guard import GuardedRoute
from api.shop import pages
from api.shop.door import SENTENCES
from api.shop.render import FOLDER, POLICY, STRIPES_POLICY, moment
from api.terms import ShopTerms
from domain.tickets.admission import AdmissionReason
from tests.api.shop.conftest import PAY_PAGE, SHOP
from tests.fakes.api_client import api_client, app_over
from tests.fakes.shop_world import ApiWorld

ROUTES = [route for route in pages.router.routes if isinstance(route, GuardedRoute)]
ORDER_PAGES = [route for route in ROUTES if "purchase_id" in route.path]


def form_of(show: dict[str, Any], quantity: int = 2, **more: str) -> dict[str, str]:
    floor, box = (item["ticket_type_id"] for item in show["ticket_types"])
    return {f"quantity-{floor}": str(quantity), f"quantity-{box}": "0", "key": str(uuid4()), **more}


async def ordered(browser: httpx.AsyncClient, show: dict[str, Any]) -> str:
    """Buy, and return the path of the order's page."""
    answer = await browser.post(f"/shows/{show['show_id']}/orders", data=form_of(show))
    assert answer.status_code == 303, answer.text
    path: str = answer.headers["location"]
    return path


async def test_what_is_on_sale_is_listed_and_leads_to_its_page(
    browser: httpx.AsyncClient, show: dict[str, Any]
) -> None:
    """Names, prices and what is left; a browser that opens the API's address is sent here."""
    sent = await browser.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (sent.status_code, sent.headers["location"]) == (303, "/shows")
    listed = (await browser.get("/shows")).text
    left = sum(item["capacity"] for item in show["ticket_types"])
    assert f'href="/shows/{show["show_id"]}"' in listed
    assert "from 10.00 EUR" in listed
    assert f"{left} available" in listed or f"only {left} left" in listed
    page = (await browser.get(f"/shows/{show['show_id']}")).text
    assert all(text in page for text in ("Night", "10.00 EUR", "30.00 EUR", "Only 5 left"))
    assert "Only 5 left" in (await browser.get(f"/shows/{show['show_id']}/stock")).text


async def test_a_program_that_opens_the_address_of_the_api_gets_its_index(browser: httpx.AsyncClient) -> None:
    """As in 0.1.0."""
    assert (await browser.get("/")).json()["name"] == "boxoffice"


async def test_a_form_becomes_an_order_once(browser: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]) -> None:
    """Sent twice, it is one order; its page says how to pay, and no address has personal data."""
    form = form_of(show, name="Ann Buyer", email="ann@example.org")
    first, second = [await browser.post(f"/shows/{show['show_id']}/orders", data=form) for _ in range(2)]
    assert first.headers["location"] == second.headers["location"]
    assert (await world.reads.show(show["show_id"]))["ticket_types"][0]["held"] == 2  # type: ignore[index]
    page = (await browser.get(first.headers["location"])).text
    assert "Your seats are held." in page
    (link,) = [part.split('"')[0] for part in page.split('href="') if part.startswith(PAY_PAGE)]
    terms = parse_qs(urlsplit(link.replace("&amp;", "&")).fragment)
    purchase_id = first.headers["location"].rpartition("/")[2]
    assert terms["client_secret"] == [await world.secrets.get(purchase_id)]
    assert terms["return_url"] == [f"http://boxoffice/orders/{purchase_id}"]
    assert "ann" not in page.lower().replace("fann", "")


async def test_a_sold_order_shows_tickets_and_gives_them_back(
    browser: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]
) -> None:
    """Two tickets with their addresses on chain; the refund is decided once however often it is asked."""
    path = await ordered(browser, show)
    await world.pay(path.rpartition("/")[2])
    page = (await browser.get(path)).text
    assert (page.count("Valid"), page.count("mint-of-")) == (2, 2)
    for _ in range(2):
        assert (await browser.post(f"{path}/refund")).status_code == 303
    page = (await browser.get(f"{path}/progress")).text
    assert "Your refund is on its way." in page
    assert "Give the tickets back" not in page


async def test_an_order_says_until_when_tickets_come_back(
    browser: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]
) -> None:
    """Within the show's time the page says its end; after it the button is gone, and asking is answered with a page."""
    path = await ordered(browser, show)
    await world.pay(path.rpartition("/")[2])
    until = world.clock() + timedelta(days=14)
    details = {"refund_until": until, "contact": "help@example.org"}
    await world.deps().prices.change_show(ChangeShow(show_id=show["show_id"], prices={}, window={}, details=details))
    page = (await browser.get(path)).text
    assert "You can give the tickets back until" in page
    assert "Give the tickets back" in page
    world.clock = lambda: until
    page = (await browser.get(path)).text
    assert "Tickets could be given back until" in page
    assert "Please write to help@example.org." in page
    assert "Give the tickets back" not in page
    late = await browser.post(f"{path}/refund")
    assert (late.status_code, "The time to give tickets back is over." in late.text) == (409, True)


async def test_a_ticket_has_its_qr_code_on_the_page_of_its_order(
    browser: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]
) -> None:
    """A picture, and the text that it carries; none of another order's ticket, and none before it is paid."""
    path, other = await ordered(browser, show), await ordered(browser, show)
    (first, *_) = await tickets_of(world, path)
    assert (await browser.get(f"{path}/tickets/{first}/code.svg")).status_code == 409
    for paid in (path, other):
        await world.pay(paid.rpartition("/")[2])
    page = (await browser.get(path)).text
    assert page.count('class="qr"') == 2
    drawn = await browser.get(f"{path}/tickets/{first}/code.svg")
    assert (drawn.status_code, drawn.headers["content-type"]) == (200, "image/svg+xml")
    assert b"<svg" in drawn.content
    code = (await browser.get(f"{path}/tickets/{first}/code.txt")).text
    read = world.deps().ticket_codes.read(code)
    assert (read.ticket_id if read else None) == first
    (strange, *_) = await tickets_of(world, other)
    assert (await browser.get(f"{path}/tickets/{strange}/code.svg")).status_code == 404


async def test_what_stripe_adds_to_an_address_is_forgotten(browser: httpx.AsyncClient, show: dict[str, Any]) -> None:
    """It sends a buyer back with the client secret in the address."""
    path = await ordered(browser, show)
    answer = await browser.get(f"{path}?payment_intent=pi_1&payment_intent_client_secret=pi_1_secret_1")
    assert (answer.status_code, answer.headers["location"]) == (303, path)


async def tickets_of(world: ApiWorld, path: str) -> list[str]:
    found = await world.reads.purchase(path.rpartition("/")[2])
    assert found is not None
    return [ticket["ticket_id"] for ticket in found["tickets"]]


async def test_an_order_is_cancelled_before_it_is_paid(
    browser: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]
) -> None:
    """The form goes back to the order's page, which says so."""
    path = await ordered(browser, show)
    answer = await browser.post(f"{path}/cancel")
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    await world.end(path.rpartition("/")[2])
    assert "Nothing was charged." in (await browser.get(path)).text


async def test_a_closed_tab_loses_nothing(browser: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]) -> None:
    """The link of the order opens it in another browser, and the address forgets the token at once."""
    path = await ordered(browser, show)
    page = (await browser.get(path)).text
    link = page.split('value="http://boxoffice')[1].split('"')[0]
    shop = replace(world.deps(), shop=SHOP)
    async with api_client(app_over(shop), key="") as other:
        assert (await other.get(path)).status_code in {401, 404}
        opened = await other.get(link)
        assert (opened.status_code, opened.headers["location"]) == (303, path)
        assert "token" not in opened.headers["location"]
        assert (await other.get(path)).status_code == 200


async def test_the_cookie_of_an_order_is_for_its_pages_and_no_script(
    browser: httpx.AsyncClient, show: dict[str, Any]
) -> None:
    """It is not sent to the API, and another site's form does not bring it along."""
    answer = await browser.post(f"/shows/{show['show_id']}/orders", data=form_of(show))
    cookie = answer.headers["set-cookie"].lower()
    assert f"path={answer.headers['location']};" in f"{cookie};"
    assert all(word in cookie for word in ("httponly", "samesite=lax"))
    assert "secure" not in cookie
    assert (await browser.get(f"/api/v1/purchases/{answer.headers['location'].rpartition('/')[2]}")).status_code == 404


@pytest.mark.parametrize("route", ORDER_PAGES, ids=lambda route: f"{sorted(route.methods)} {route.path}")
async def test_a_stranger_sees_nothing_of_an_order(
    browser: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any], route: GuardedRoute
) -> None:
    """Without the cookie, and with the cookie of another order under this one's name; nothing happens."""
    path, other = await ordered(browser, show), await ordered(browser, show)
    token = browser.cookies[f"order_{other.rpartition('/')[2]}"]
    purchase_id = path.rpartition("/")[2]
    events = len(world.store.log)
    browser.cookies.clear()
    for cookies in ({}, {f"order_{purchase_id}": token}, {f"order_{purchase_id}": "pt_nonsense"}):
        for method in sorted(route.methods or ()):
            asked = browser.build_request(method, route.path.format(purchase_id=purchase_id, ticket_id="ti_any"))
            asked.headers["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
            assert (await browser.send(asked)).status_code in {401, 404}
    assert len(world.store.log) == events


@pytest.mark.parametrize(
    "sent",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_a_form_of_another_site_is_refused(
    browser: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any], sent: dict[str, str]
) -> None:
    """For every form; the same form from our page is taken."""
    path = await ordered(browser, show)
    await world.pay(path.rpartition("/")[2])
    events = len(world.store.log)
    forms = [route for route in ROUTES if "POST" in (route.methods or ())]
    for route in forms:
        target = route.path.format(purchase_id=path.rpartition("/")[2], show_id=show["show_id"])
        answer = await browser.post(target, data=form_of(show), headers=sent)
        assert (answer.status_code, "another site" in answer.text) == (403, True)
    assert len(world.store.log) == events
    ours = {"Sec-Fetch-Site": "same-origin", "Origin": "http://boxoffice"}
    assert (await browser.post(f"{path}/refund", headers=ours)).status_code == 303


@pytest.mark.parametrize(
    ("form", "status", "text"),
    [
        ({}, 422, "Choose at least one ticket"),
        ({"quantity-{floor}": "two"}, 422, "Check the numbers"),
        ({"quantity-{floor}": "1", "email": "nobody"}, 422, "Check the numbers"),
        ({"quantity-{floor}": "1", "name": "Ann\u200b"}, 422, "may hide characters"),
        ({"quantity-{floor}": "1", "key": "mine"}, 400, "random UUID"),
        ({"quantity-{floor}": "6"}, 409, "have just been sold"),
        ({"quantity-tt_other": "1"}, 404, "There is nothing at this address"),
    ],
)
async def test_a_wrong_form_is_a_page_that_says_so(
    browser: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any], form: dict[str, str], status: int, text: str
) -> None:
    """In words of a buyer, with the status of the problem, and nothing is held."""
    floor, events = show["ticket_types"][0]["ticket_type_id"], len(world.store.log)
    sent = {"key": str(uuid4()), **{name.format(floor=floor): value for name, value in form.items()}}
    answer = await browser.post(f"/shows/{show['show_id']}/orders", data=sent)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert text in answer.text
    assert len(world.store.log) == events


async def test_a_body_that_is_no_form_is_415(browser: httpx.AsyncClient, show: dict[str, Any]) -> None:
    """The pages take forms alone."""
    answer = await browser.post(f"/shows/{show['show_id']}/orders", json={})
    assert answer.status_code == 415


async def test_names_are_text_and_never_markup(browser: httpx.AsyncClient, world: ApiWorld) -> None:
    """A show cannot put a script into its page, and the page would not run it."""
    async with api_client(app_over(world.deps())) as operator:
        venue = (await operator.post("/api/v1/venues", json={"name": "H"}, headers={"Idempotency-Key": "v"})).json()
        types = [{"name": "<b>x</b>", "price_minor": 100, "capacity": 1}]
        body = {"venue_id": venue["venue_id"], "name": "<script>alert(1)</script>", "currency": "eur"}
        made = await operator.post(
            "/api/v1/shows", json={**body, "ticket_types": types}, headers={"Idempotency-Key": "s"}
        )
    await world.announce(venue["venue_id"], made.json()["show_id"])
    for path in ("/shows", f"/shows/{made.json()['show_id']}"):
        answer = await browser.get(path)
        assert "<script>alert" not in answer.text
        assert "&lt;script&gt;" in answer.text
        assert answer.headers["content-security-policy"] == POLICY
        assert "unsafe" not in POLICY + STRIPES_POLICY


async def test_with_a_real_key_the_card_is_entered_in_stripes_fields(world: ApiWorld, show: dict[str, Any]) -> None:
    """The page of an open order, and no other one, may load Stripe's script."""
    app = app_over(replace(world.deps(), shop=ShopTerms("default"), publishable_key="pk_live_1"))
    async with api_client(app, key="") as browser:
        path = await ordered(browser, show)
        answer = await browser.get(path)
        assert answer.headers["content-security-policy"] == STRIPES_POLICY
        secret = await world.secrets.get(path.rpartition("/")[2])
        assert f'<form id="stripe" data-secret="{secret}" data-key="pk_live_1">' in answer.text
        scripts = re.findall(r'<script(?: type="module")? src="([^"]+)"></script>', answer.text)
        assert scripts == ["/assets/order.js", "https://js.stripe.com/v3/", "/assets/stripe.js"]
        assert answer.text.count("<script") == len(scripts)
        await world.pay(path.rpartition("/")[2])
        assert (await browser.get(path)).headers["content-security-policy"] == POLICY


def test_stripes_page_may_load_what_stripes_guide_names() -> None:
    """Its script, its frames (3-D Secure is in one of hooks.stripe.com), its API, and nothing else of others."""
    ours, stripes = sources(POLICY), sources(STRIPES_POLICY)
    scripts = {"https://js.stripe.com", "https://*.js.stripe.com"}
    added = {
        "script-src": scripts,
        "frame-src": scripts | {"https://hooks.stripe.com"},
        "connect-src": {"https://api.stripe.com"},
    }
    assert stripes == ours | {name: ours.get(name, set()) | more for name, more in added.items()}
    assert ours["default-src"] == {"'none'"}
    assert set().union(*ours.values()) == {"'self'", "'none'"}


def sources(policy: str) -> dict[str, set[str]]:
    """Return the sources of each directive; a directive that is named twice counts once for a browser."""
    directives = [directive.split() for directive in policy.split(";")]
    assert len({name for name, *_ in directives}) == len(directives)
    return {name: set(allowed) for name, *allowed in directives}


async def test_without_a_tenant_there_is_no_shop(world: ApiWorld, show: dict[str, Any]) -> None:
    """Every page of shows is 404, and the index stays the API's."""
    async with api_client(app_over(world.deps()), key="") as browser:
        assert (await browser.get("/", headers={"Accept": "text/html"})).status_code == 200
        for path in ("/shows", f"/shows/{show['show_id']}"):
            assert (await browser.get(path)).status_code == 404
        answer = await browser.post(f"/shows/{show['show_id']}/orders", data=form_of(show))
        assert answer.status_code == 404


async def test_another_tenants_show_is_not_sold(world: ApiWorld, show: dict[str, Any]) -> None:
    """The shop of a tenant has its shows alone."""
    async with api_client(app_over(replace(world.deps(), shop=ShopTerms("other"))), key="") as browser:
        assert show["show_id"] not in (await browser.get("/shows")).text
        assert (await browser.get(f"/shows/{show['show_id']}")).status_code == 404
        answer = await browser.post(f"/shows/{show['show_id']}/orders", data=form_of(show))
        assert answer.status_code == 404


async def test_every_file_that_a_page_names_is_served(browser: httpx.AsyncClient) -> None:
    """With the media type that `nosniff` asks for; what is not there is 404."""
    named = {
        part.split('"')[0]
        for file in (FOLDER / "templates").rglob("*.html")
        for part in file.read_text().split('"/assets/')[1:]
    }
    assert named == set(pages.ASSETS)
    for name in named:
        answer = await browser.get(f"/assets/{name}")
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (
            200,
            pages.MEDIA_TYPES["." + name.rpartition(".")[2]],
        )
        assert answer.headers["cache-control"] == "public, max-age=300"
    assert (await browser.get("/assets/pages.py")).status_code == 404


async def test_the_door_has_a_sentence_for_each_answer(browser: httpx.AsyncClient) -> None:
    """The page tells each reason of the door, and asks for no cookie: its key stays in the tab."""
    assert set(SENTENCES) == set(get_args(AdmissionReason))
    answer = await browser.get("/door")
    assert all(sentence.replace("'", "&#39;") in answer.text for sentence in SENTENCES.values())
    assert "set-cookie" not in answer.headers


async def test_a_cookie_is_secure_where_the_shop_is(world: ApiWorld, show: dict[str, Any]) -> None:
    """Links and cookies follow the address that the settings give the shop, not what a request says of itself."""
    shop = replace(SHOP, public_url="https://tickets.example")
    async with api_client(app_over(replace(world.deps(), shop=shop)), key="") as browser:
        answer = await browser.post(f"/shows/{show['show_id']}/orders", data=form_of(show))
        assert "; secure" in answer.headers["set-cookie"].lower()
        token = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
        page = (await browser.get(f"{answer.headers['location']}?token={token}")).headers["location"]
        told = {"cookie": answer.headers["set-cookie"].partition(";")[0], "host": "evil.example"}
        text = (await browser.get(page, headers=told)).text
        assert 'value="https://tickets.example/orders/' in text
        assert "evil.example" not in text


@pytest.mark.parametrize(
    ("timestamp", "zone", "read"),
    [
        ("2026-12-31T19:00:00+00:00", "Europe/Berlin", "Thu 31 December 2026, 20:00"),
        ("2026-12-31T19:00:00+00:00", "", "Thu 31 December 2026, 19:00 UTC"),
    ],
)
def test_a_moment_is_read_in_the_zone_of_its_place(timestamp: str, zone: str, read: str) -> None:
    """Without a zone it is UTC, and says so."""
    assert moment(timestamp, zone) == read
