"""Workflow payloads and failures are encrypted where there is a key, and plain histories stay readable."""

import json
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client

from activities.core.task_queues import PURCHASES
from adapters.privacy.keyring import KeyMissingError, Keyring
from adapters.temporal.codec import ENCODING, ENCRYPTED, KEY_ID, EncryptingCodec
from adapters.temporal.connect import data_converter
from tests.fakes.histories import payloads_of
from tests.fakes.world import SagaWorld
from tests.replay.golden import build_replayer, history
from tests.workflows.buyer import paid
from tests.workflows.conftest import CODEC_KEYS
from workflows.purchase import PurchaseInput, PurchaseResult, PurchaseWorkflow

# The engine's own notes, which no codec sees: of a local activity its number, its name and its times; of a patch flag
# its name.
CORE_MARKS = {
    "seq", "attempt", "activity_id", "activity_type", "complete_time", "backoff", "original_schedule_time",
    "activation_index", "id", "deprecated",
}  # fmt: skip
KEYS = {"new": bytes(32), "old": bytes(range(32))}


def converted(client: Client, keys: dict[str, bytes]) -> Client:
    """Return the same client with other keys."""
    return Client(client.service_client, namespace=client.namespace, data_converter=data_converter(keys))


async def test_a_purchase_leaves_nothing_readable_in_its_history(world: SagaWorld, client: Client) -> None:
    """Every payload of ours is encrypted and names its key; decrypted, it has the purchase in it."""
    await world.open_show()
    handle, _ = await world.buy(client)
    await paid(world, handle)
    assert (await world.ended(handle)).outcome == "fulfilled"
    payloads = await payloads_of(handle)
    sealed = [payload for payload in payloads if payload.metadata[ENCODING] == ENCRYPTED]
    assert len(sealed) > 10
    assert {payload.metadata[KEY_ID] for payload in sealed} == {b"test"}
    for mark in (payload for payload in payloads if payload.metadata[ENCODING] != ENCRYPTED):
        assert set(json.loads(mark.data)) <= CORE_MARKS
    purchase_id = handle.id.partition("/")[2].encode()
    assert not any(purchase_id in payload.data for payload in payloads)
    opened = await EncryptingCodec(Keyring(CODEC_KEYS)).decode(sealed)
    assert any(purchase_id in payload.data for payload in opened)


async def test_a_failure_is_encrypted_with_its_message(world: SagaWorld, client: Client) -> None:
    """The server keeps neither the message nor the stack trace; a client with the key reads both."""
    await world.open_show()
    handle, _ = await world.buy(client)
    world.gateway.refuse("capture_intent")
    await paid(world, handle)
    await world.ended(handle)
    kept = (await handle.fetch_history()).to_json()
    messages = [part.get("message", "") for part in json_objects(json.loads(kept)) if "encodedAttributes" in part]
    assert messages
    assert set(messages) == {"Encoded failure"}
    assert "stackTrace" not in kept


def json_objects(value: object) -> list[dict[str, str]]:
    """Return every object within JSON."""
    if isinstance(value, list):
        return [found for item in value for found in json_objects(item)]
    if isinstance(value, dict):
        return [value, *(found for item in value.values() for found in json_objects(item))]
    return []


async def test_a_purchase_that_began_without_a_key_ends_with_one(world: SagaWorld, client: Client) -> None:
    """The plain part of its history is read as it is, what follows is encrypted."""
    await world.open_show()
    made = world.gates.close("create_intent", "after")
    wanted = PurchaseInput(purchase=await world.request(), show_id="sh", poll_seconds=30)
    workflow_id = f"purchase/{wanted.purchase.purchase_id}"
    await converted(client, {}).start_workflow(PurchaseWorkflow.run, wanted, id=workflow_id, task_queue=PURCHASES)
    handle: Any = client.get_workflow_handle(workflow_id, result_type=PurchaseResult)
    await made.reached.wait()
    made.open.set()
    await paid(world, handle)
    assert (await world.ended(handle)).outcome == "fulfilled"
    encodings = {payload.metadata[ENCODING] for payload in await payloads_of(handle)}
    assert encodings == {b"json/plain", ENCRYPTED}


async def test_an_older_key_still_opens_and_an_unknown_one_is_named() -> None:
    """A key stays in the list until the last history with it is gone."""
    plain = Payload(metadata={ENCODING: b"json/plain"}, data=b'"Ann"')
    [sealed] = await EncryptingCodec(Keyring({"old": KEYS["old"]})).encode([plain])
    assert await EncryptingCodec(Keyring(KEYS)).decode([sealed, plain]) == [plain, plain]
    with pytest.raises(KeyMissingError, match="old"):
        await EncryptingCodec(Keyring({"new": KEYS["new"]})).decode([sealed])


async def test_a_recorded_plain_history_replays_with_keys() -> None:
    """Histories of the past need no key."""
    replayer = build_replayer(codec_keys=CODEC_KEYS)
    result = await replayer.replay_workflow(history("fulfilled"), raise_on_replay_failure=False)
    assert result.replay_failure is None
