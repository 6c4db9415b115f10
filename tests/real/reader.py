"""A reader of a page, who follows its commands on the tests' stack."""

import asyncio
from pathlib import Path

from typer.testing import CliRunner

from cli.main import app
from tests.real.shop import Shop

API, STRIPE = "http://127.0.0.1:8000", "http://127.0.0.1:12111"


async def at_stack(shop: Shop, folder: Path, *, seeded: bool = False) -> dict[str, str]:
    """Give a folder the stack's data as `data`; return the addresses to take instead of the page's."""
    (folder / "data").symlink_to(shop.stack.folder)
    if seeded:
        done = await asyncio.to_thread(CliRunner().invoke, app, ["seed", "--data-dir", str(folder / "data")])
        assert done.exit_code == 0, done.output
    return {API: shop.stack.urls["api"], STRIPE: shop.stack.urls["stripe"]}


def left_in(folder: Path) -> list[str]:
    """Return the names of what the commands left in their folder."""
    return sorted(path.name for path in folder.iterdir())
