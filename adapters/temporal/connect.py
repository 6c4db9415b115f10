"""The one place where a Temporal client is made: its data converter, its codec, its keep-alive."""

import asyncio
import dataclasses
import logging
import time
from collections.abc import Mapping, Sequence
from typing import TypedDict, Unpack

from temporalio.client import Client, Interceptor
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter
from temporalio.runtime import Runtime
from temporalio.service import KeepAliveConfig

from adapters.privacy.keyring import Keyring
from adapters.temporal.codec import EncryptingCodec
from adapters.temporal.plain_answers import EncodedPlainAnswers, PlainAnswers
from adapters.temporal.profile import TemporalAddress, connection_of

log = logging.getLogger(__name__)
# A connection that fell silent is noticed after 15 seconds, not 45; a server takes pings 10 seconds apart or more.
CONNECT_PAUSE_SECONDS = 0.5
CONNECT_SECONDS_MAX = 120.0
KEEP_ALIVE = KeepAliveConfig(interval_millis=11_000, timeout_millis=4_000)


class ClientOptions(TypedDict, total=False):
    """Options that may differ between clients."""

    interceptors: Sequence[Interceptor]
    identity: str | None
    runtime: Runtime
    lazy: bool


def data_converter(codec_keys: Mapping[str, bytes]) -> DataConverter:
    """Return the converter of payloads; with keys it encrypts them, and the messages and stack traces of failures."""
    if not codec_keys:
        return dataclasses.replace(pydantic_data_converter, failure_converter_class=PlainAnswers)
    return dataclasses.replace(
        pydantic_data_converter,
        payload_codec=EncryptingCodec(Keyring(codec_keys)),
        failure_converter_class=EncodedPlainAnswers,
    )


async def connect_to_temporal(
    temporal: TemporalAddress, codec_keys: Mapping[str, bytes], **options: Unpack[ClientOptions]
) -> Client:
    """Connect to Temporal; a lazy client connects on first use."""
    return await Client.connect(
        **connection_of(temporal),
        data_converter=data_converter(codec_keys),
        keep_alive_config=KEEP_ALIVE,
        **options,
    )


async def connect_when_up(
    temporal: TemporalAddress, codec_keys: Mapping[str, bytes], **options: Unpack[ClientOptions]
) -> Client:
    """Connect to Temporal; wait for two minutes while it is not up yet."""
    last = time.monotonic() + CONNECT_SECONDS_MAX
    while True:
        try:
            return await connect_to_temporal(temporal, codec_keys, **options)
        except RuntimeError:
            if time.monotonic() > last:
                raise
            log.warning("waiting for Temporal at %s", temporal.address)
            await asyncio.sleep(CONNECT_PAUSE_SECONDS)
