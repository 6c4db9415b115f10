"""What the real systems say after a storm, as the laws of conservation ask it."""

import asyncio
import base64
from datetime import UTC, datetime
from typing import Any, cast

import psycopg
from eventsourcing.persistence import StoredEvent

from adapters.ledger import fact_mapper
from cli.buyer import DemoFailedError, read_mint
from domain.fact import Fact
from domain.laws import Findings
from domain.laws_at_commit import History
from domain.laws_at_rest import IntentSaid, Outside, judge_at_rest
from tests.real.shop import Shop

PAGE = 100
AT_ONCE = 12
SUPPLY_AT, SUPPLY_BYTES = 36, 8
FACTS = "SELECT originator_id, originator_version, topic, state FROM facts ORDER BY notification_id"
CHARGE = "expand[]=data.latest_charge.balance_transaction"
ALL_DEADLINES_PASSED = datetime.max.replace(tzinfo=UTC)


async def findings_of(shop: Shop) -> Findings:
    """Judge every law over the facts of all shows, Stripe and the chain, when nothing runs any more."""
    findings = Findings()
    history = History(findings)
    history.take(await _facts(shop.stack.urls["postgres"]))
    history.mark()
    intents = [_said(intent) for intent in await all_intents(shop)]
    nobody: frozenset[str] = frozenset()
    supplies = await _supplies(history, shop.stack.urls["solana_rpc"])
    outside = Outside(intents, supplies, ALL_DEADLINES_PASSED, running=nobody, cases=nobody)
    judge_at_rest(history, outside, findings)
    return findings


async def all_intents(shop: Shop) -> list[dict[str, Any]]:
    """Return every PaymentIntent that Stripe has, with its charge."""
    found: list[dict[str, Any]] = []
    more, after = True, ""
    while more:
        page = await shop.stripe(f"/v1/payment_intents?limit={PAGE}&{CHARGE}{after}")
        found += page["data"]
        more = page["has_more"]
        after = f"&starting_after={found[-1]['id']}" if found else ""
    return found


async def _facts(url: str) -> list[Fact]:
    mapper = fact_mapper()
    async with await psycopg.AsyncConnection.connect(url) as connection:
        rows = await (await connection.execute(FACTS)).fetchall()
    return [
        cast(Fact, mapper.to_domain_event(StoredEvent(stream, version, topic, bytes(state))))
        for stream, version, topic, state in rows
    ]


def _said(intent: dict[str, Any]) -> IntentSaid:
    charge = intent["latest_charge"] or {}
    refunded = charge.get("amount_refunded", 0)
    net = (charge.get("balance_transaction") or {}).get("net", 0)
    return IntentSaid(
        intent_id=intent["id"],
        purchase_id=intent["metadata"].get("purchase_id", ""),
        currency=intent["currency"],
        captured_minor=intent["amount_received"],
        refunded_minor=refunded if intent["amount_received"] else 0,
        net_minor=net - refunded if intent["amount_received"] else 0,
        is_open=intent["status"] not in {"succeeded", "canceled"},
    )


async def _supplies(history: History, rpc_url: str) -> dict[str, int]:
    """Return the supply of every address that the facts name; an address that is not on chain is left out."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def supply(address: str) -> tuple[str, int | None]:
        async with gate:
            try:
                raw = base64.b64decode((await read_mint(rpc_url, address))["data"][0])
            except DemoFailedError:
                return address, None
        return address, int.from_bytes(raw[SUPPLY_AT : SUPPLY_AT + SUPPLY_BYTES], "little")

    found = await asyncio.gather(*(supply(address) for address in sorted(addresses_of(history))))
    return {address: count for address, count in found if count is not None}


def addresses_of(history: History) -> set[str]:
    """Return every mint address of a ticket in the facts."""
    return {address for ticket in history.standing.tickets.values() for address in ticket.addresses}
