"""The shape of the read models: every table, index and field of a document is in it."""

from psycopg.sql import SQL
from typing_extensions import TypedDict

from adapters.database.schema import OF_READ_MODELS, SHAPE, digest_of, fields_of
from adapters.read_models.documents import PURCHASES


class Inner(TypedDict):
    """A document in a document."""

    b: int


class More(TypedDict):
    """The same with another field."""

    b: int
    c: int


class One(TypedDict):
    """A document."""

    a: str
    inner: list[Inner | None]


class Other(TypedDict):
    """The same document, with another field in an inner one."""

    a: str
    inner: list[More | None]


def test_a_field_of_a_document_at_any_depth_is_in_the_shape() -> None:
    """A field that is added is another shape, so the projector rebuilds."""
    assert fields_of(One) == "{a,inner{b}}"
    assert fields_of(Other) == "{a,inner{b,c}}"
    assert digest_of((), (One,)) != digest_of((), (Other,))
    assert "tickets{" in fields_of(PURCHASES.view)


def test_a_table_or_an_index_is_in_the_shape() -> None:
    """A statement that is added or changed is another shape; the same code has the same."""
    assert digest_of(OF_READ_MODELS, ()) == digest_of(OF_READ_MODELS, ())
    assert digest_of((*OF_READ_MODELS, SQL("CREATE INDEX more")), ()) != digest_of(OF_READ_MODELS, ())
    assert len(SHAPE) == 16
