"""The page that describes the API: from this machine alone, with or without a shop."""

import re

import httpx
import pytest

from api.shop.render import DOCS_POLICY, POLICY
from tests.api.shop.test_pages import sources
from tests.fakes.api_client import api_client, app_over
from tests.fakes.shop_world import ApiWorld


@pytest.fixture
def client(world: ApiWorld) -> httpx.AsyncClient:
    return api_client(app_over(world.deps()), key="")


async def test_the_page_names_files_of_this_server_alone(client: httpx.AsyncClient) -> None:
    """Each is there, also where no shop is; the page has a title and an icon, and runs nothing that is not a file."""
    page = await client.get("/docs")
    assert page.headers["content-security-policy"] == DOCS_POLICY
    named = re.findall(r'(?:src|href|data-document)="([^"]+)"', page.text)
    assert len(named) == 5
    assert all(path.startswith("/") for path in named)
    assert [(await client.get(path)).status_code for path in named] == [200] * len(named)
    assert "<title>HTTP API · Boxoffice</title>" in page.text
    assert all('src="' in tag for tag in re.findall(r"<script[^>]*>", page.text))


async def test_the_other_viewer_is_gone_and_leads_here(client: httpx.AsyncClient) -> None:
    """An address of 0.1.0."""
    answer = await client.get("/redoc")
    assert (answer.status_code, answer.headers["location"]) == (308, "/docs")


def test_the_page_may_show_the_icons_of_its_style_sheet_and_no_more() -> None:
    """Swagger UI has them as data."""
    ours, docs = sources(POLICY), sources(DOCS_POLICY)
    assert docs == {**ours, "img-src": {"'self'", "data:"}}
