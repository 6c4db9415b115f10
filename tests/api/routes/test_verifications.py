"""Whoever has a ticket's secret, or the address of its token, can verify it without a key, and learns nothing else."""

from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest

from domain.core.ids import DEFAULT_TENANT
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.ticket import LeafRecorded, Ticket
from domain.tickets.ticket_tree import TicketTree, TreeOpened
from domain.tickets.token import TokenState
from tests.api.routes.on_sale import PURCHASES, key, wanting
from tests.fakes.api_client import api_client, app_over
from tests.fakes.shop_world import ApiWorld

PATH = "/api/v1/verifications"


@pytest.fixture
async def stranger(world: ApiWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with api_client(app_over(world.deps()), key="", raise_app_exceptions=True) as client:
        yield client


@pytest.fixture
async def bought(client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]) -> dict[str, Any]:
    """A sold purchase, as its buyer sees it."""
    made: dict[str, Any] = (await client.post(PURCHASES, json=wanting(show), headers=key("a"))).json()
    await world.pay(made["purchase_id"])
    return made


async def held(client: httpx.AsyncClient, bought: dict[str, Any]) -> list[dict[str, Any]]:
    token = {"Purchase-Token": bought["purchase_token"]}
    answer = await client.get(f"{PURCHASES}/{bought['purchase_id']}/tickets", headers=token)
    tickets: list[dict[str, Any]] = answer.json()["tickets"]
    return tickets


async def test_a_ticket_is_verified_by_its_secret_until_it_is_used(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, bought: dict[str, Any]
) -> None:
    """The answer names neither the ticket, nor the purchase, nor a person."""
    first, second = await held(stranger, bought)
    answer = await stranger.post(PATH, json={"ticket_secret": first["ticket_secret"]})
    assert (answer.status_code, answer.json()["valid"]) == (200, True)
    assert not [one for one in (first["ticket_id"], bought["purchase_id"]) if one in answer.text]
    await client.post(f"/internal/tickets/{first['ticket_id']}/redeem")
    states = [
        (await stranger.post(PATH, json={"ticket_secret": one["ticket_secret"]})).json() for one in (first, second)
    ]
    assert [(one["state"], one["valid"]) for one in states] == [("redeemed", False), ("issued", True)]


async def test_a_ticket_is_verified_by_its_mint_address(
    stranger: httpx.AsyncClient, world: ApiWorld, bought: dict[str, Any]
) -> None:
    """Where the chain stands is public; the address has the form of one."""
    document = await world.reads.ticket((await held(stranger, bought))[0]["ticket_id"])
    assert document is not None
    answer = await stranger.post(PATH, json={"mint_address": "1" * 32})
    assert answer.status_code == 404
    assert await world.reads.ticket_minted_at(str(document["mint_address"])) == document


async def test_a_wrong_secret_is_not_found(stranger: httpx.AsyncClient, bought: dict[str, Any]) -> None:
    """That of another ticket, one letter off, or of a ticket that nobody has: the same answer."""
    first, second = (one["ticket_secret"] for one in await held(stranger, bought))
    name, _, proof = first.partition(".")
    wrong = f"{proof[:-1]}{'b' if proof[-1] == 'a' else 'a'}"
    texts = {
        (await stranger.post(PATH, json={"ticket_secret": text})).text
        for text in (f"{name}.{second.partition('.')[2]}", f"{name}.{wrong}", f"tk_nobody.{proof}")
    }
    assert len(texts) == 1
    assert "not-found" in texts.pop()
    for body in ({}, {"ticket_secret": first, "mint_address": "1" * 32}, {"ticket_secret": "short"}):
        assert (await stranger.post(PATH, json=body)).status_code == 422


async def test_only_the_buyer_is_told_the_secrets(client: httpx.AsyncClient, bought: dict[str, Any]) -> None:
    """A key sees the tickets without them."""
    tickets = (await client.get(f"{PURCHASES}/{bought['purchase_id']}/tickets")).json()["tickets"]
    assert [one["ticket_secret"] for one in tickets] == [None, None]


async def test_a_burnt_token_gives_no_entry_by_its_address(
    stranger: httpx.AsyncClient, world: ApiWorld, bought: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right belongs to the purchase: its secret is still good, and the answer says what became of the token."""
    ticket = (await held(stranger, bought))[0]
    document = await world.reads.ticket(ticket["ticket_id"])
    assert document is not None
    address = "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU"
    monkeypatch.setattr(world.reads, "ticket_minted_at", AsyncMock(return_value=document))
    state: dict[str, Any] = {"supply": 1, "decimals": 0, "owner_address": None, "group_address": None, "uri": ""}
    found = []
    for holding, supply in (("held", 1), ("held-elsewhere", 1), ("burnt", 0)):
        world.tokens[ticket["ticket_id"]] = TokenState(
            **{**state, "address": address, "supply": supply, "holding": holding}
        )
        for body in ({"mint_address": address}, {"ticket_secret": ticket["ticket_secret"]}):
            answer = (await stranger.post(PATH, json=body)).json()
            found.append((answer["token_holding"], answer["on_chain"], answer["valid"]))
    assert found == [
        ("held", True, True),
        ("held", True, True),
        ("held-elsewhere", True, True),
        ("held-elsewhere", True, True),
        ("burnt", False, False),
        ("burnt", False, True),
    ]


async def test_a_leaf_is_told_by_key_and_by_secret(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, world: ApiWorld, bought: dict[str, Any]
) -> None:
    """Null for a ticket with a token of its own; the holder's answer asks no chain."""
    ticket = (await held(stranger, bought))[0]
    asked: dict[str, Any] = {"ticket_secret": ticket["ticket_secret"]}
    path = f"/api/v1/tickets/{ticket['ticket_id']}/verify"
    assert (await client.get(path)).json()["leaf"] is None
    assert (await stranger.post(PATH, json=asked)).json()["leaf"] is None

    def become_a_leaf(uow: UnitOfWork) -> None:
        show_id = uow.get(Ticket, ticket["ticket_id"]).show_id
        names = {"tenant_id": DEFAULT_TENANT, "show_id": show_id, "cluster": "genesis", "show_mint": "mint"}
        uow.add(tree := TicketTree.begin(TreeOpened, show_id, uow.at, **names))
        leaf = tree.append(ticket["ticket_id"], "tk_1", "bafy", uow.at)
        uow.get(Ticket, ticket["ticket_id"]).record(LeafRecorded, uow.at, leaf=leaf.model_dump())

    await world.store.commit(become_a_leaf)
    not_yet = {"on_chain": False, "ended_by": None, "root_signature": None, "proof": None}
    assert (await client.get(path)).json()["leaf"] == not_yet
    world.chain.fail_before("root_at")
    assert (await client.get(path)).status_code == 503
    assert (await stranger.post(PATH, json=asked)).json()["leaf"] == not_yet
