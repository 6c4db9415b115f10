"""The exact cost of one purchase: engine, PostgreSQL, Stripe and Solana."""

import json
from typing import Any

import httpx
import psycopg

from domain.money.books import BooksTransaction
from domain.orders.order import Order
from domain.tickets.ticket import Ticket
from tests.real.shop import Shop

Cost = dict[str, Any]
OF_BUYER = "/confirm"
COMMITS = """
SELECT count(DISTINCT xmin::text), count(*) FROM events
WHERE originator_id LIKE %s OR originator_id = ANY(%s)
"""


async def cost_of(shop: Shop, purchase_id: str) -> Cost:
    """Count all work for an ended purchase."""
    seen = await shop.purchase(purchase_id)
    commits, events = await _commits(shop, purchase_id, [ticket["ticket_id"] for ticket in seen["tickets"]])
    return {
        "engine": await _engine(shop, purchase_id),
        "steps": await _steps(shop, purchase_id),
        "events": events,
        "commits of events": commits,
        "Stripe calls": await _stripe_calls(shop, purchase_id),
        "Solana transactions": await _transactions(shop, seen["tickets"]),
    }


async def _engine(shop: Shop, purchase_id: str) -> dict[str, int]:
    handle = (await shop.engine()).get_workflow_handle(f"purchase/{purchase_id}")
    info = (await handle.describe()).raw_description.workflow_execution_info
    return {"history events": info.history_length, "state transitions": info.state_transition_count}


async def _steps(shop: Shop, purchase_id: str) -> list[str]:
    """Return the activities of a purchase; one that runs locally is too cheap to be seen in the engine's figures."""
    history = await (await shop.engine()).get_workflow_handle(f"purchase/{purchase_id}").fetch_history()
    found = {event.activity_task_scheduled_event_attributes.activity_type.name for event in history.events}
    for event in history.events:
        marks = event.marker_recorded_event_attributes.details["data"].payloads
        found |= {json.loads(mark.data).get("activity_type", "") for mark in marks}
    return sorted(found - {""})


async def _commits(shop: Shop, purchase_id: str, ticket_ids: list[str]) -> tuple[int, int]:
    """Count a purchase's events, those of shared aggregates too, and the transactions that appended them."""
    streams = [Ticket.stream(one) for one in ticket_ids]
    streams += [BooksTransaction.stream(f"{one}:minted") for one in ticket_ids]
    async with await psycopg.AsyncConnection.connect(shop.stack.urls["postgres"]) as connection:
        found = await (await connection.execute(COMMITS, (f"%:{purchase_id}%", streams))).fetchone()
    if found is None or not found[1]:
        raise AssertionError(f"no events of {Order.stream(purchase_id)}")
    return int(found[0]), int(found[1])


async def _stripe_calls(shop: Shop, purchase_id: str) -> list[str]:
    """Return our Stripe calls for a purchase, without ids; the browser's calls are excluded."""
    async with httpx.AsyncClient(base_url=shop.stack.urls["stripe"], timeout=10) as http:
        calls = (await http.get("/_emulator/calls")).json()
        intents = (await shop.stripe("/v1/payment_intents?limit=100"))["data"]
    own = [one["id"] for one in intents if one["metadata"].get("purchase_id") == purchase_id]
    ours = [call for call in calls if purchase_id in call or any(f"/{intent}" in call for intent in own)]
    named = [" ".join(call.split(" ")[:2]) for call in ours if OF_BUYER not in call]
    for intent in own:
        named = [call.replace(intent, "{intent}") for call in named]
    return named


async def _transactions(shop: Shop, tickets: list[Any]) -> int:
    """Count the chain's transactions of the tickets' tokens."""
    number = 0
    async with httpx.AsyncClient(timeout=10) as node:
        for address in (ticket["mint_address"] for ticket in tickets if ticket["mint_address"]):
            call = {"jsonrpc": "2.0", "id": 1, "method": "getSignaturesForAddress", "params": [address]}
            number += len((await node.post(shop.stack.urls["solana_rpc"], json=call)).json()["result"])
    return number
