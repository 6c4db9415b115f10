"""What banks and people at Stripe's dashboard do to the payments of a bad day."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import httpx
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError

from activities.core.acts import RETRY_NOW
from tests.fakes.operator import operate
from tests.real.shop import PUBLISHABLE_KEY, Shop

LOOK_SECONDS = 0.4
Answer = Callable[[Callable[[], Awaitable[httpx.Response]]], Awaitable[httpx.Response]]
Document = dict[str, Any]
T = TypeVar("T")


class Bank:
    """Strikes at the payments of one purchase; `answer` repeats a call until it is answered, or gives up."""

    def __init__(self, shop: Shop, till: httpx.AsyncClient, purchase: str, answer: Answer, key: str) -> None:
        self._shop = shop
        self._till = till
        self._purchase = purchase
        self._answer = answer
        self._key = key
        self._headers = {"Authorization": f"Bearer {shop.stack.env['BOXOFFICE_STRIPE__API_KEY']}"}

    async def fail_refund(self, intent_id: str, refund_id: str, look: Callable[[], Awaitable[Document]]) -> None:
        """Let the first try of a refund fail at the bank; an operator tries it again until it has succeeded."""
        tries = await _seen(lambda: self._listed("refunds", payment_intent=intent_id))
        await self._switch(f"refunds/{tries[-1]['id']}/finish", outcome="fail")
        has_failed = False
        while True:
            seen = await look()
            # The read models may be behind the decision.
            state = next((one["state"] for one in seen["refunds"] if one["refund_id"] == refund_id), None)
            # Another operator may have made it good before anybody saw it failed.
            has_failed = has_failed or any(entry["text"].startswith("Refund failed") for entry in seen["timeline"])
            if has_failed and state == "succeeded":
                return
            if state == "failed":
                # Unreachable, also at the connection, or in another stage by now.
                with suppress(RPCError, RuntimeError, WorkflowUpdateFailedError):
                    engine = await self._shop.engine()
                    await operate(engine.get_workflow_handle(f"refund/{refund_id}"), RETRY_NOW, stage="failed")
            await asyncio.sleep(LOOK_SECONDS)

    async def pay_again(self, amount_minor: int, *, disputed: bool) -> str:
        """Pay the purchase by a second payment; return its id. A disputed one is lost to the bank at once."""
        form = {
            "amount": str(amount_minor),
            "currency": "eur",
            "capture_method": "automatic",
            "automatic_payment_methods[enabled]": "true",
            "automatic_payment_methods[allow_redirects]": "never",
            "metadata[purchase_id]": self._purchase,
        }
        made = await self._post("/v1/payment_intents", form, "second")
        pay = {"client_secret": made["client_secret"], "key": PUBLISHABLE_KEY, "payment_method": "pm_card_visa"}
        path = f"/v1/payment_intents/{made['id']}"
        await self._answer(lambda: self._till.post(f"{path}/confirm", data=pay))
        [charge] = await self._listed("charges", payment_intent=made["id"])
        if disputed:
            await self._switch(f"charges/{charge['id']}/dispute")
            for dispute in await self._listed("disputes", payment_intent=made["id"]):
                await self._switch(f"disputes/{dispute['id']}/finish", outcome="lost")
        await _seen(lambda: self._is_gone(made["id"]))
        return str(made["id"])

    async def refund_in_dashboard(self, intent_id: str, look: Callable[[], Awaitable[Document]]) -> str:
        """Refund the sale in Stripe's dashboard; return the refund that it became here."""
        [charge] = [one for one in await self._listed("charges", payment_intent=intent_id) if one["captured"]]
        await self._switch(f"charges/{charge['id']}/refund_in_dashboard")

        async def refunds() -> list[Document]:
            found: list[Document] = (await look())["refunds"]
            return found

        return str((await _seen(refunds))[0]["refund_id"])

    async def _is_gone(self, intent_id: str) -> bool:
        """Whether the money of a payment is back with its buyer, by a refund or by the bank."""
        [charge] = await self._listed("charges", payment_intent=intent_id)
        lost = [one for one in await self._listed("disputes", payment_intent=intent_id) if one["status"] == "lost"]
        return bool(charge["refunded"] or lost)

    async def _listed(self, kind: str, **of: str) -> list[Document]:
        answer = await self._answer(lambda: self._till.get(f"/v1/{kind}", params=of, headers=self._headers))
        found: list[Document] = answer.json()["data"]
        return found

    async def _post(self, path: str, form: dict[str, str], name: str) -> Document:
        """Post under one key; after a 500, which Stripe repeats for its key, under the next one."""
        failures = 0

        async def post() -> httpx.Response:
            nonlocal failures
            headers = {**self._headers, "Idempotency-Key": f"{self._key}-{name}-{failures}"}
            answer = await self._till.post(path, data=form, headers=headers)
            failures += answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR
            return answer

        made: Document = (await self._answer(post)).raise_for_status().json()
        return made

    async def _switch(self, path: str, **values: str) -> None:
        """Set a switch; a repeated one may be refused, as the unanswered one had its effect."""
        await self._answer(lambda: self._till.post(f"/_emulator/{path}", json=values))


async def _seen(look: Callable[[], Awaitable[T]]) -> T:
    """Look until there is something to see."""
    found = await look()
    while not found:
        await asyncio.sleep(LOOK_SECONDS)
        found = await look()
    return found
