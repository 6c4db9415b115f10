"""Check-ins over HTTP: bound to show and gate, repeated by a nonce, undone, counted, and uploaded later."""

from collections import Counter
from datetime import timedelta
from typing import Any

import httpx
import pytest

from domain.tickets.ticket import Ticket
from tests.api.routes.on_sale import PURCHASES, code, key, wanting
from tests.api.routes.test_door import EVENING, sold
from tests.fakes.shop_world import CODES, ApiWorld

CHECKINS = "/api/v1/checkins"


@pytest.fixture
async def tickets(client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any]) -> list[str]:
    """Three sold tickets of the show: two of one type, one of the other."""
    found = []
    for name, kind, quantity in (("a", 0, 2), ("b", 1, 1)):
        item = {"ticket_type_id": show["ticket_types"][kind]["ticket_type_id"], "quantity": quantity}
        wanted = {"show_id": show["show_id"], "items": [item]}
        made = (await client.post(PURCHASES, json=wanted, headers=key(name))).json()
        await world.pay(made["purchase_id"])
        bought = (await client.get(f"{PURCHASES}/{made['purchase_id']}")).json()
        found += [one["ticket_id"] for one in bought["tickets"]]
    return found


def scan(show: dict[str, Any], ticket_id: str, nonce: str, gate: str = "North", generation: int = 0) -> dict[str, Any]:
    shown = {"ticket_code": CODES.make(ticket_id, generation), "nonce": nonce}
    return {"show_id": show["show_id"], "gate": gate, **shown}


async def test_a_repeated_scan_gets_the_first_answer(
    client: httpx.AsyncClient, show: dict[str, Any], tickets: list[str]
) -> None:
    """After a lost answer the gate repeats its nonce; another nonce is another scan, and names time and gate."""
    first = await client.post(CHECKINS, json=scan(show, tickets[0], "n1"))
    assert (first.status_code, first.json()["admitted"], first.json()["reason"]) == (201, True, "admitted")
    assert (await client.post(CHECKINS, json=scan(show, tickets[0], "n1"))).json() == first.json()
    other = (await client.post(CHECKINS, json=scan(show, tickets[0], "n1", "South"))).json()
    assert (other["admitted"], other["reason"]) == (False, "already-checked-in")
    assert (other["first_at"], other["first_gate"]) == (first.json()["scanned_at"], "North")
    assert code(await client.post(CHECKINS, json=scan(show, tickets[1], "n1"))) == (409, "idempotency-key-reused")


async def test_a_refused_scan_keeps_its_answer_too(
    client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any], tickets: list[str]
) -> None:
    """The reason is of the moment of the scan; a new scan asks again."""
    await world.store.commit(lambda uow: uow.get(Ticket, tickets[0]).block("dp", uow.at))
    assert (await client.post(CHECKINS, json=scan(show, tickets[0], "n1"))).json()["reason"] == "blocked"
    await world.store.commit(lambda uow: uow.get(Ticket, tickets[0]).unblock("dp", uow.at))
    assert (await client.post(CHECKINS, json=scan(show, tickets[0], "n1"))).json()["reason"] == "blocked"
    assert (await client.post(CHECKINS, json=scan(show, tickets[0], "n2"))).json()["reason"] == "admitted"


async def test_a_scan_is_bound_to_its_show_and_to_the_newest_code(
    client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any], tickets: list[str]
) -> None:
    """Another show's ticket is not used up; an old code gives no entry; a text that is no code is not found."""
    other_show, _, stranger = await sold(client, world, "z")
    assert (await client.post(CHECKINS, json=scan(show, stranger, "n1"))).json()["reason"] == "wrong-show"
    at_home = {"show_id": other_show}
    assert (await client.post(CHECKINS, json=scan(at_home, stranger, "n1"))).json()["reason"] == "admitted"
    await world.store.commit(lambda uow: uow.get(Ticket, tickets[0]).issue_code_anew(0, uow.at))
    assert (await client.post(CHECKINS, json=scan(show, tickets[0], "n2"))).json()["reason"] == "stale-generation"
    assert (await client.post(CHECKINS, json=scan(show, tickets[0], "n3", generation=1))).json()["admitted"]
    for text in ("BX1.k1.AAAA", tickets[1], "nothing"):
        body = {**scan(show, tickets[1], "n4"), "ticket_code": text}
        assert code(await client.post(CHECKINS, json=body)) == (404, "not-found")
    assert code(await client.post(CHECKINS, json=scan({"show_id": "sh_none"}, tickets[1], "n4"))) == (404, "not-found")
    for wrong in ({"ticket_id": tickets[1]}, {"ticket_code": None}, {"gate": "a\u0000b"}, {"nonce": ""}):
        assert code(await client.post(CHECKINS, json={**scan(show, tickets[1], "n5"), **wrong})) == (
            422,
            "invalid-request",
        )


async def test_a_check_in_is_undone_by_who_may(
    client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any], tickets: list[str]
) -> None:
    """Once, and not with a gate's key; its ticket gives entry again, and the repeated scan keeps its answer."""
    made = (await client.post(CHECKINS, json=scan(show, tickets[0], "n1"))).json()
    undo = f"{CHECKINS}/{made['check_in_id']}/undo"
    gates = {"Authorization": f"Bearer {await world.key('door')}"}
    assert code(await client.post(undo, headers=gates)) == (403, "forbidden")
    for _ in range(2):
        assert (await client.post(undo)).json() == {**made, "undone": True}
    told = (await client.get("/api/v1/events", params={"type": "ticket.check_in_undone"})).json()["events"]
    assert [one["data"]["ticket_id"] for one in told] == [made["ticket_id"]]
    assert (await client.post(CHECKINS, json=scan(show, tickets[0], "n1"))).json() == {**made, "undone": True}
    again = (await client.post(CHECKINS, json=scan(show, tickets[0], "n2", "South"))).json()
    assert again["admitted"]
    assert (await client.post(undo)).json()["undone"]
    refused = (await client.post(CHECKINS, json=scan(show, tickets[0], "n3"))).json()
    assert refused["first_gate"] == "South"
    assert code(await client.post(f"{CHECKINS}/{refused['check_in_id']}/undo")) == (409, "wrong-state")
    assert code(await client.post(f"{CHECKINS}/ci_none/undo")) == (404, "not-found")


async def test_a_check_in_of_a_ticket_that_was_given_back_is_not_undone(
    client: httpx.AsyncClient, show: dict[str, Any], tickets: list[str]
) -> None:
    """It would give entry with a ticket whose money is back."""
    made = (await client.post(CHECKINS, json=scan(show, tickets[2], "n1"))).json()
    purchase = (await client.get(f"/api/v1/tickets/{tickets[2]}")).json()["purchase_id"]
    refund = await client.post(f"{PURCHASES}/{purchase}/refunds", json={"even_redeemed": True}, headers=key("r"))
    assert refund.status_code == 202
    assert code(await client.post(f"{CHECKINS}/{made['check_in_id']}/undo")) == (409, "wrong-state")


async def test_entries_are_counted_by_gate_and_type(
    client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any], tickets: list[str]
) -> None:
    """By sums of the test's own: admitted, less undone, and refused scans by reason; a redemption counts too."""
    counted = f"/api/v1/shows/{show['show_id']}/checkins"
    assert (await client.get(counted)).json() == {
        "show_id": show["show_id"], "entered": 0, "entries": [], "refused": [],
    }  # fmt: skip
    answers = [
        (await client.post(CHECKINS, json=scan(show, ticket_id, f"n{number}", gate))).json()
        for number, (ticket_id, gate) in enumerate(
            [(tickets[0], "North"), (tickets[2], "North"), (tickets[0], "South"), (tickets[0], "South")]
        )
    ]
    await client.post(f"/internal/tickets/{tickets[1]}/redeem", params={"gate": "South"})
    await client.post(f"{CHECKINS}/{answers[1]['check_in_id']}/undo")
    kinds = [one["ticket_type_id"] for one in show["ticket_types"]]
    found = (await client.get(counted)).json()
    assert {(one["gate"], one["ticket_type_id"]): one["count"] for one in found["entries"]} == {
        ("North", kinds[0]): 1,
        ("South", kinds[0]): 1,
    }
    refused = Counter((one["gate"], one["reason"]) for one in answers if not one["admitted"])
    assert {(one["gate"], one["reason"]): one["count"] for one in found["refused"]} == refused
    assert found["entered"] == 2
    assert code(await client.get("/api/v1/shows/sh_none/checkins")) == (404, "not-found")


async def test_a_gate_that_was_offline_tells_its_conflicts(
    client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any], tickets: list[str]
) -> None:
    """In the order of the times; a repeat of the upload changes nothing, and conflicts use up no ticket."""
    await client.post(CHECKINS, json=scan(show, tickets[0], "online"))
    now = world.clock()
    late = [
        {
            "nonce": "b",
            "ticket_code": CODES.make(tickets[1], 0),
            "entered_at": (now - timedelta(minutes=1)).isoformat(),
        },
        {
            "nonce": "a",
            "ticket_code": CODES.make(tickets[1], 0),
            "entered_at": (now - timedelta(minutes=2)).isoformat(),
        },
        {
            "nonce": "c",
            "ticket_code": CODES.make(tickets[0], 0),
            "entered_at": (now - timedelta(minutes=3)).isoformat(),
        },
        {"nonce": "d", "ticket_code": "BX1.k1.AAAA", "entered_at": now.isoformat()},
        {"nonce": "e", "ticket_code": CODES.make(tickets[2], 0), "entered_at": (now + timedelta(hours=9)).isoformat()},
        {"nonce": "a", "ticket_code": CODES.make(tickets[2], 0), "entered_at": now.isoformat()},
    ]
    body = {"show_id": show["show_id"], "gate": "South", "scans": late}
    found = (await client.post(f"{CHECKINS}/batch", json=body)).json()
    reasons = [(one["nonce"], one["is_conflict"], one["reason"]) for one in found["scans"]]
    assert reasons == [
        ("b", True, "already-checked-in"),
        ("a", False, "admitted"),
        ("c", True, "already-checked-in"),
        ("d", True, "not-found"),
        ("e", False, "admitted"),
        ("a", True, "idempotency-key-reused"),
    ]
    assert found["conflicts"] == sum(one["is_conflict"] for one in found["scans"]) == 4
    assert found["scans"][1]["check_in"]["scanned_at"] == (now - timedelta(minutes=2)).isoformat()
    assert found["scans"][2]["check_in"]["first_gate"] == "North"
    assert found["scans"][4]["check_in"]["scanned_at"] == now.isoformat()
    events = len(world.store.log)
    assert (await client.post(f"{CHECKINS}/batch", json=body)).json() == found
    assert len(world.store.log) == events


async def test_a_late_upload_is_of_the_time_of_the_entry(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """A gate that comes back after the end tells entries of before it."""
    show_id, _, ticket_id = await sold(client, world)
    entered_at = world.clock()
    world.clock = lambda: EVENING + timedelta(hours=1)
    one = {"nonce": "a", "ticket_code": CODES.make(ticket_id, 0), "entered_at": entered_at.isoformat()}
    body = {"show_id": show_id, "gate": "South", "scans": [one]}
    assert (await client.post(f"{CHECKINS}/batch", json=body)).json()["conflicts"] == 0
    assert (await client.post(CHECKINS, json=scan({"show_id": show_id}, ticket_id, "n"))).json()[
        "first_gate"
    ] == "South"


async def test_another_venues_gate_knows_nothing(
    client: httpx.AsyncClient, world: ApiWorld, show: dict[str, Any], tickets: list[str]
) -> None:
    """A key that is bound to a venue cannot scan, undo or count at another one's show."""
    made = (await client.post(CHECKINS, json=scan(show, tickets[0], "n1"))).json()
    other = (await client.post("/api/v1/venues", json={"name": "Club"}, headers=key("other"))).json()["venue_id"]
    elsewhere = await world.key("door", "manage", bound_to=other)
    headers = {"Authorization": f"Bearer {elsewhere}"}
    asked = (
        client.post(CHECKINS, json=scan(show, tickets[1], "n2"), headers=headers),
        client.post(f"{CHECKINS}/{made['check_in_id']}/undo", headers=headers),
        client.get(f"/api/v1/shows/{show['show_id']}/checkins", headers=headers),
    )
    assert [code(await one) for one in asked] == [(404, "not-found")] * 3


async def test_a_ticket_is_checked_in_by_hand(
    client: httpx.AsyncClient, show: dict[str, Any], tickets: list[str]
) -> None:
    """By its id, where a phone is flat: the code's generation is not asked for."""
    body = {"show_id": show["show_id"], "gate": "North", "nonce": "n", "ticket_id": tickets[0]}
    assert (await client.post(CHECKINS, json=body)).json()["admitted"]


async def test_a_ticket_that_is_only_reserved_gives_no_entry(client: httpx.AsyncClient, show: dict[str, Any]) -> None:
    """The checkout is open, and nobody has paid."""
    made = (await client.post(PURCHASES, json=wanting(show, 1), headers=key("u"))).json()
    ticket_id = (await client.get(f"{PURCHASES}/{made['purchase_id']}")).json()["tickets"][0]["ticket_id"]
    assert (await client.post(CHECKINS, json=scan(show, ticket_id, "n"))).json()["reason"] == "unpaid"
