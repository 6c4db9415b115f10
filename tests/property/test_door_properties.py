"""Every way to ask whether a ticket gives entry agrees, after any acts on ticket, show, dispute and time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalog.show import Show
from domain.core.unit_of_work import UnitOfWork
from domain.tickets.ticket import Ticket
from tests.api.routes.on_sale import PURCHASES, key
from tests.api.routes.test_door import EVENING, sold
from tests.fakes.api_client import api_client, app_over
from tests.fakes.shop_world import CODES, ApiWorld

EXAMPLES = 20


class Door:
    """One sold ticket, and acts that change what its door answers."""

    def __init__(self, world: ApiWorld, client: httpx.AsyncClient) -> None:
        self.world = world
        self.client = client

    async def open(self) -> None:
        self.show_id, self.purchase_id, self.ticket_id = await sold(self.client, self.world)

    async def block(self) -> None:
        await self._on_ticket(lambda ticket, at: ticket.block("dp", at))

    async def unblock(self) -> None:
        await self._on_ticket(lambda ticket, at: ticket.unblock("dp", at))

    async def refund(self) -> None:
        await self.client.post(f"{PURCHASES}/{self.purchase_id}/refunds", json={}, headers=key("r"))

    async def cancel(self) -> None:
        await self.client.post(f"/api/v1/shows/{self.show_id}/cancellation", json={})

    async def enter(self) -> None:
        await self.client.post(f"/internal/tickets/{self.ticket_id}/redeem")

    async def end(self) -> None:
        self.world.clock = lambda: EVENING + timedelta(hours=1)

    async def _on_ticket(self, act: Callable[[Ticket, Any], None]) -> None:
        await self.world.store.commit(lambda uow: act(uow.get(Ticket, self.ticket_id), uow.at))

    async def anew(self) -> None:
        await self.client.post(f"/api/v1/tickets/{self.ticket_id}/code", json={"generation": await self._generation()})

    async def answers(self, last: str) -> dict[str, str]:
        """Ask in every way; the last one uses the ticket."""
        ticket, held = f"/api/v1/tickets/{self.ticket_id}", f"{PURCHASES}/{self.purchase_id}/tickets"
        bought = {"Purchase-Token": self.world.authenticator.purchase_token(self.purchase_id)}
        mine = (await self.client.get(held, headers=bought)).json()["tickets"][0]
        secret = {"ticket_secret": mine["ticket_secret"]}
        code = {"ticket_code": CODES.make(self.ticket_id, await self._generation())}
        verify = "/api/v1/verifications"
        return {
            "decision": (await self._decided()),
            "held": mine["admission"],
            "ticket": (await self.client.get(ticket)).json()["admission"],
            "verify": (await self.client.get(f"{ticket}/verify")).json()["admission"],
            "secret": (await self.client.post(verify, json=secret)).json()["admission"],
            "code": (await self.client.post(verify, json=code)).json()["admission"],
            "status": (await self.client.get(f"/internal/tickets/{self.ticket_id}/status")).json()["admission"],
            last: await self._used(last, code["ticket_code"]),
        }

    async def _used(self, last: str, code: str) -> str:
        at_gate: dict[str, Any] = {"show_id": self.show_id, "gate": "North"}
        if last == "redeem":
            used = await self.client.post(f"/internal/tickets/{self.ticket_id}/redeem", params=at_gate)
            return "admitted" if used.status_code == 200 else str(used.json()["values"]["reason"])
        shown = {"ticket_code": code, "nonce": "n"}
        if last == "scan":
            return str((await self.client.post("/api/v1/checkins", json={**at_gate, **shown})).json()["reason"])
        upload = {**at_gate, "scans": [{**shown, "entered_at": self.world.clock().isoformat()}]}
        return str((await self.client.post("/api/v1/checkins/batch", json=upload)).json()["scans"][0]["reason"])

    async def _generation(self) -> int:
        return await self.world.store.read(lambda uow: uow.get(Ticket, self.ticket_id).generation)

    async def _decided(self) -> str:
        def ask(uow: UnitOfWork) -> str:
            return uow.get(Ticket, self.ticket_id).admits(uow.get(Show, self.show_id).at_door, uow.at).reason

        return await self.world.store.read(ask)


ACTS: dict[str, Callable[[Door], Awaitable[None]]] = {
    act.__name__: act for act in (Door.block, Door.unblock, Door.refund, Door.cancel, Door.enter, Door.end, Door.anew)
}


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.sampled_from(sorted(ACTS)), max_size=4), st.sampled_from(["redeem", "scan", "upload"]))
def test_every_way_to_ask_agrees(acts: list[str], last: str) -> None:
    """Ticket, show, dispute, code and time may have changed in any order."""
    found = asyncio.run(_answers(acts, last))
    assert len(set(found.values())) == 1, found


async def _answers(acts: list[str], last: str) -> dict[str, str]:
    world = ApiWorld()
    async with api_client(app_over(world.deps()), raise_app_exceptions=True) as client:
        door = Door(world, client)
        await door.open()
        for act in acts:
            await ACTS[act](door)
        return await door.answers(last)
