"""`boxoffice search-attributes` makes what is missing, and says how where a cluster does not allow it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from cli.checks.doctor.attributes import COMPLETE, LACKING, completed
from devstack.servers.temporal import SEARCH_ATTRIBUTES

FIRST, *OTHERS = SEARCH_ATTRIBUTES
DENIED = RPCError("not for you", RPCStatusCode.PERMISSION_DENIED, b"")
UNKNOWN = RPCError("no such attribute", RPCStatusCode.INVALID_ARGUMENT, b"")


class Cluster:
    """A namespace that knows some search attributes; the operator's service may be closed."""

    namespace = "shop"

    def __init__(self, *known: str, is_open: bool = True, broken: RPCError | None = None) -> None:
        self.known, self.operator_service = set(known), self
        self._is_open, self._broken = is_open, broken

    async def list_search_attributes(self, _: Any) -> Any:
        self._check()
        return SimpleNamespace(custom_attributes=dict.fromkeys(self.known))

    async def add_search_attributes(self, request: Any) -> None:
        self._check()
        self.known |= set(request.search_attributes)

    async def count_workflows(self, query: str) -> None:
        if self._broken is not None:
            raise self._broken
        if query.split(maxsplit=1)[0] not in self.known:
            raise UNKNOWN

    def _check(self) -> None:
        if not self._is_open:
            raise DENIED


async def ran(cluster: Cluster, *, create: bool = False) -> int:
    return await completed(cast("Client", cluster), create=create)


async def test_missing_ones_are_made(capsys: pytest.CaptureFixture[str]) -> None:
    """They are named first, made when asked to, and complete afterwards."""
    cluster = Cluster(*OTHERS)
    assert await ran(cluster) == LACKING
    kind = SEARCH_ATTRIBUTES[FIRST]
    asked = f"temporal operator search-attribute create --namespace shop --name {FIRST} --type {kind}"
    assert asked in capsys.readouterr().out
    assert (await ran(cluster, create=True), cluster.known) == (COMPLETE, set(SEARCH_ATTRIBUTES))
    assert await ran(cluster) == COMPLETE


async def test_where_the_operators_service_is_closed(capsys: pytest.CaptureFixture[str]) -> None:
    """What is there is found by asking for each, and the commands to make the others are printed."""
    assert await ran(Cluster(*SEARCH_ATTRIBUTES, is_open=False)) == COMPLETE
    assert await ran(Cluster(*OTHERS, is_open=False), create=True) == LACKING
    said = capsys.readouterr().out
    assert "does not let us make them" in said
    assert f"tcld namespace search-attributes add --namespace shop --search-attribute {FIRST}=" in said


async def test_another_error_is_not_an_answer() -> None:
    """A cluster that is away neither has nor lacks an attribute."""
    away = RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
    with pytest.raises(RPCError, match="away"):
        await ran(Cluster(is_open=False, broken=away))
