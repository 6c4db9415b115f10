"""The webhook routes: each takes only its own secrets, every signed event is 200, and long bodies are not verified."""

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import pytest
import stripe

from adapters.stripe.webhook import verify_webhook
from api.terms import BodyLimits
from tests.adapters.stripe.odd_events import HANDLED, STORED_ONLY, event
from tests.fakes.api_client import api_client, app_over
from tests.fakes.identity import DEPLOYMENT
from tests.fakes.shop_world import ApiWorld

WEBHOOK_BYTES_MAX = BodyLimits().webhook_bytes_max

OURS, VENUES = "/webhooks/stripe", "/webhooks/stripe/connect"
SECRETS = {OURS: ("whsec_new", "whsec_old"), VENUES: ("whsec_venues",)}


@pytest.fixture
def verified() -> list[bytes]:
    """Collect the bodies whose signatures were verified."""
    return []


@pytest.fixture
async def client(world: ApiWorld, verified: list[bytes]) -> AsyncIterator[httpx.AsyncClient]:
    def verify(path: str, payload: bytes, signature: str) -> Any:
        verified.append(payload)
        return verify_webhook(payload, signature, SECRETS[path], DEPLOYMENT.deployment_id)

    deps = replace(world.deps(), verify=partial(verify, OURS), verify_connect=partial(verify, VENUES))
    async with api_client(app_over(deps)) as client:
        yield client


async def post(client: httpx.AsyncClient, path: str, body: str, secret: str) -> httpx.Response:
    signature = stripe.WebhookSignature.generate_signature_header(body, secret)
    return await client.post(path, content=body, headers={"Stripe-Signature": signature})


@pytest.mark.parametrize("path", SECRETS)
async def test_an_endpoint_takes_its_own_secrets_only(client: httpx.AsyncClient, path: str) -> None:
    """A secret of the other endpoint is refused; both of a rotation are taken."""
    for endpoint, secrets in SECRETS.items():
        for secret in secrets:
            answer = await post(client, path, event(id=f"evt_{secret}"), secret)
            assert answer.status_code == (200 if endpoint == path else 400)
            assert endpoint == path or answer.json()["type"] == "urn:boxoffice:problem:forged-webhook"


@pytest.mark.parametrize("path", SECRETS)
async def test_every_signed_event_is_taken_and_says_who_acts_on_it(
    client: httpx.AsyncClient, world: ApiWorld, path: str
) -> None:
    """No shape is refused; one that nobody acts on is stored, marked and answered with null."""
    for number, (body, handler) in enumerate(
        [(body, None) for body in STORED_ONLY.values()] + [(body, "purchase") for body in HANDLED.values()], 1
    ):
        answer = await post(client, path, body.replace('"evt_1"', f'"evt_{number}"'), SECRETS[path][0])
        assert answer.status_code == 200, (body[:100], answer.text)
        assert answer.json() == {"received": True, "fresh": True, "handled_by": handler}
    kept = world.inbox.kept
    assert len(kept) == len(STORED_ONLY) + len(HANDLED)
    assert {kept[name].handled_by for name in world.inbox.marked} <= {None, "purchase"}
    assert {name for name in kept if kept[name].handled_by is None} <= set(world.inbox.marked)


async def test_a_long_body_is_refused_before_its_signature_is_computed(
    client: httpx.AsyncClient, verified: list[bytes]
) -> None:
    """One byte more than the limit is 413, chunked or not; the limit itself is read and verified."""
    whole = event(padding="x" * WEBHOOK_BYTES_MAX)[: WEBHOOK_BYTES_MAX + 1]

    async def chunks() -> AsyncIterator[bytes]:
        yield whole[:1000].encode()
        yield whole[1000:].encode()

    for content in (whole.encode(), chunks()):
        answer = await client.post(OURS, content=content, headers={"Stripe-Signature": "t=1,v1=x"})
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:boxoffice:problem:payload-too-large")
    assert verified == []
    assert (await post(client, OURS, whole[:-1], SECRETS[OURS][0])).status_code == 200
    assert len(verified) == 1
