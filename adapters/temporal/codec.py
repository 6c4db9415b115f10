"""The codec of workflow payloads: AES-GCM, with the id of the key beside each payload."""

from collections.abc import Sequence

from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from adapters.privacy.keyring import Keyring

ENCODING, ENCRYPTED = "encoding", b"binary/encrypted"
KEY_ID = "encryption-key-id"
PLACE = b"temporal"  # the same everywhere: a payload travels between workflows


class EncryptingCodec(PayloadCodec):
    """Encrypts payloads with the newest key; decrypts those with a key's id and leaves all others as they are."""

    def __init__(self, keys: Keyring) -> None:
        self._keys = keys

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads, each encrypted with its metadata."""
        key_id = str(self._keys.newest).encode()
        return [
            Payload(
                metadata={ENCODING: ENCRYPTED, KEY_ID: key_id},
                data=self._keys.seal(payload.SerializeToString(), PLACE),
            )
            for payload in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads as they were; a history from before the key has plain ones."""
        return [self._decoded(payload) for payload in payloads]

    def _decoded(self, payload: Payload) -> Payload:
        if payload.metadata.get(ENCODING) != ENCRYPTED:
            return payload
        key_id = payload.metadata.get(KEY_ID, b"").decode()
        return Payload.FromString(self._keys.open(key_id, payload.data, PLACE))
