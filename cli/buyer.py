"""A client of the HTTP API, as a shop would write it: it checks every answer and reports every problem."""

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Any

import httpx

JsonObject = dict[str, Any]
POLL_SECONDS = 0.1
URN = "urn:boxoffice:problem:"


class DemoFailedError(RuntimeError):
    """An expectation of the demo failed; the message names it."""


def check(condition: object, reason: str) -> None:
    """Raise DemoFailedError unless a condition holds."""
    if not condition:
        raise DemoFailedError(reason)


def refusal_of(status: int, problem: JsonObject) -> str:
    """Return a problem in one line: its sentence, the faults of fields, and where its remedy stands."""
    faults = [f"{'.'.join(str(part) for part in one['where'])}: {one['why']}" for one in problem.get("errors", ())]
    code = str(problem.get("type")).removeprefix(URN)
    return f"{status} {'; '.join([str(problem.get('detail')), *faults])} (docs/problems.md#{code})"


class ApiClient:
    """Calls the API; `key` is the Idempotency-Key."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def post(self, path: str, body: JsonObject, key: str) -> JsonObject:
        """Post and return the answer; raise DemoFailedError with a problem's type and detail."""
        answer = await self._http.post(path, json=body, headers={"Idempotency-Key": key})
        document: JsonObject = answer.json()
        check(answer.is_success, f"POST {path}: {refusal_of(answer.status_code, document)}")
        return document

    async def get(self, path: str) -> JsonObject:
        """Get a document."""
        answer = await self._http.get(path)
        document: JsonObject = answer.json()
        check(answer.is_success, f"GET {path}: {refusal_of(answer.status_code, document)}")
        return document

    async def read(self, path: str) -> bytes:
        """Get the bytes of a file."""
        answer = await self._http.get(path)
        check(answer.is_success, f"GET {path}: {answer.status_code}")
        return answer.content

    async def until(self, path: str, what: str, done: Callable[[JsonObject], bool], seconds: float) -> JsonObject:
        """Poll a document until it is as expected; after `seconds` fail with its last state."""
        end = time.monotonic() + seconds
        document = await self.get(path)
        while not done(document):
            state = document.get("state")
            check(time.monotonic() < end, f"timeout after {seconds:g} s waiting for {what} (state: {state})")
            await asyncio.sleep(POLL_SECONDS)
            document = await self.get(path)
        return document

    async def announce(self, venue: str, show: JsonObject, key: str) -> JsonObject:
        """Register a venue of this name, and a show of it."""
        made = await self.post("/api/v1/venues", {"name": venue}, f"{key}-venue")
        return await self.post("/api/v1/shows", {"venue_id": made["venue_id"], **show}, f"{key}-show")

    async def on_sale(self, show_id: str, seconds: float) -> JsonObject:
        """Wait until a show is on sale."""
        return await self.until(
            f"/api/v1/shows/{show_id}", "the show on sale", lambda seen: bool(seen["on_sale"]), seconds
        )

    async def purchase(
        self, purchase_id: str, see: Callable[[JsonObject], None], ends: Collection[str], seconds: float, shown: int = 0
    ) -> JsonObject:
        """Follow a purchase to one of its ends; call `see` once with each line of its timeline after those shown."""

        def look(document: JsonObject) -> bool:
            nonlocal shown
            for line in document["timeline"][shown:]:
                see(line)
            shown = len(document["timeline"])
            return document["state"] in ends

        return await self.until(f"/api/v1/purchases/{purchase_id}", "the purchase's end", look, seconds)


async def pay_by_card(stripe_url: str, client_secret: str, card: str, publishable_key: str) -> tuple[int, JsonObject]:
    """Confirm a PaymentIntent as the buyer's browser does, with the client secret; return Stripe's status and body."""
    intent_id = client_secret.partition("_secret")[0]
    async with httpx.AsyncClient(base_url=stripe_url, timeout=10) as browser:
        answer = await browser.post(
            f"/v1/payment_intents/{intent_id}/confirm",
            data={"client_secret": client_secret, "payment_method": card},
            headers={"Authorization": f"Bearer {publishable_key}"},
        )
        return answer.status_code, answer.json()


async def read_mint(rpc_url: str, address: str, encoding: str = "base64") -> JsonObject:
    """Read a finalized mint from the chain by plain JSON-RPC, without any of our own code."""
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "getAccountInfo",
        "params": [address, {"encoding": encoding, "commitment": "finalized"}],
    }
    async with httpx.AsyncClient(timeout=10) as node:
        answer = (await node.post(rpc_url, json=call)).json()
    value: JsonObject | None = answer["result"]["value"]
    if value is None:
        raise DemoFailedError(f"the chain has no account at {address}")
    return value
