"""Lists, searches and events, in pages."""

import uuid
from typing import Any

from tests.devstack.stripe.emulator import intent_params, paid


async def test_lists_and_search(api: Any) -> None:
    """Lists are paged, newest first; search matches metadata."""
    mark = uuid.uuid4().hex
    made = [
        (await api.payment_intents.create_async(intent_params(metadata={"purchase_id": mark}))).id for _ in range(3)
    ]
    page = await api.payment_intents.list_async({"limit": 2})
    assert ([row.id for row in page.data], page.has_more) == (made[:0:-1], True)
    after = await api.payment_intents.list_async({"limit": 1, "starting_after": made[1]})
    assert after.data[0].id == made[0]
    query = {"query": f"metadata['purchase_id']:'{mark}' AND status:'requires_payment_method'", "limit": 2}
    found = await api.payment_intents.search_async(query)
    assert [row.id async for row in found.auto_paging_iter()] == made[::-1]


async def test_events(api: Any) -> None:
    """Events are listed by type and time."""
    intent = await paid(api)
    recent = await api.events.list_async({"types": ["payment_intent.succeeded"], "created": {"gte": intent.created}})
    event = next(row for row in recent.data if row.data.object.id == intent.id)
    assert (await api.events.retrieve_async(event.id)).type == "payment_intent.succeeded"
    assert {row.type for row in recent.data} == {"payment_intent.succeeded"}
    later = await api.events.list_async({"created": {"gt": intent.created + 60}})
    assert later.data == []
