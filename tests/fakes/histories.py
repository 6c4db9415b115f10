"""All payloads of a workflow's history, as the server keeps them."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowHandle


async def payloads_of(handle: WorkflowHandle[Any, Any]) -> list[Payload]:
    """Return the payloads of a workflow's history, those of failures and markers included."""
    history = await handle.fetch_history()
    return [payload for event in history.events for payload in payloads_in(event)]


def payloads_in(message: Message) -> Iterator[Payload]:
    """Yield each payload in a message, at any depth; search attributes are no payloads of ours."""
    if isinstance(message, Payload):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None or field.name == "search_attributes":
            continue
        if field.message_type.GetOptions().map_entry:
            of_messages = field.message_type.fields_by_name["value"].message_type is not None
            parts = list(value.values()) if of_messages else []
        else:
            parts = list(value) if isinstance(value, Message) is False else [value]
        for part in parts:
            yield from payloads_in(part)
