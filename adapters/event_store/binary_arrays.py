"""Arrays as PostgreSQL reads them fastest: the binary form, made in one piece."""

import struct
from collections.abc import Sequence
from typing import Any

from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

TEXT_OID, BYTEA_OID, BIGINT_OID = 25, 17, 20
ARRAY_OIDS = {TEXT_OID: 1009, BYTEA_OID: 1001, BIGINT_OID: 1016}
HEAD = struct.Struct("!iiIii")  # dimensions, whether there are nulls, the elements' type, length, first index
LENGTH = struct.Struct("!i")
BIGINT = struct.Struct("!iq")


class BinaryArray:
    """One parameter: an array that is encoded already."""

    def __init__(self, element_oid: int, encoded: list[bytes]) -> None:
        self.oid = ARRAY_OIDS[element_oid]
        head = HEAD.pack(1 if encoded else 0, 0, element_oid, len(encoded), 1)
        self.wire = b"".join((head, *encoded)) if encoded else head[:12]


class BinaryArrayDumper(Dumper):
    """Hands a `BinaryArray` to PostgreSQL as it is."""

    format = Format.BINARY

    def get_key(self, obj: BinaryArray, format: Any) -> Any:  # noqa: ARG002, A002 - psycopg's names
        """Tell arrays of different types apart."""
        return (self.cls, obj.oid)

    def upgrade(self, obj: BinaryArray, format: Any) -> "BinaryArrayDumper":  # noqa: ARG002, A002 - psycopg's names
        """Return a dumper for this array's type."""
        dumper = BinaryArrayDumper(self.cls)
        dumper.oid = obj.oid
        return dumper

    def dump(self, obj: BinaryArray) -> Buffer | None:
        """Return the bytes."""
        return obj.wire


def texts(values: Sequence[str]) -> BinaryArray:
    """Return a text[]."""
    return blobs([value.encode() for value in values], TEXT_OID)


def blobs(values: Sequence[bytes], element_oid: int = BYTEA_OID) -> BinaryArray:
    """Return a bytea[]."""
    return BinaryArray(element_oid, [LENGTH.pack(len(value)) + value for value in values])


def bigints(values: Sequence[int]) -> BinaryArray:
    """Return a bigint[]."""
    return BinaryArray(BIGINT_OID, [BIGINT.pack(8, value) for value in values])
