"""Outgoing events: each type is as its kept schema says, has an id of its own for ever, and tells no personal data."""

import asyncio
import json
import sys
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from functools import cache
from inspect import get_annotations
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from jsonschema import Draft202012Validator

from adapters.read_models.documents import DocumentBatch, OutgoingLine
from domain.catalog.changing import ShowDetailsChanged
from domain.catalog.details import ShowDetails
from domain.catalog.show import CapacityChangeBegun, CapacityChangeEnded, PriceChanged, SaleWindowChanged, ShowCalledOff
from domain.catalog.show_cancellation import ShowCancellationBegun, ShowCancellationFinished
from domain.core.aggregate import CreatedEvent, DomainEvent
from domain.orders.order import OrderConfirmed, PurchaseRequested
from domain.payments.dispute import DisputeLost, DisputeOpened, DisputeReturned, DisputeWon
from domain.payments.disputed_refunds import RefundPaidByBank
from domain.payments.refunds import (
    RefundFailed,
    RefundOwedAtTill,
    RefundPaidByHand,
    RefundPending,
    RefundRequested,
)
from domain.payouts.payout import PayoutReturned
from domain.tickets.has_token import TokenMinted
from domain.tickets.ticket import (
    EntryUndone,
    Ticket,
    TicketBlocked,
    TicketIssued,
    TicketRedeemed,
    TicketUnblocked,
    TicketVoided,
)
from domain.views.outgoing.data import MODELS, Data
from domain.views.outgoing.event import event_id_of
from domain.views.outgoing.mapping import MAPPINGS, tells
from tests.architecture.test_persisted_names import ROOT, stored_events
from tests.docs import events as schemas
from tests.domain.views.inside import INSIDE, REASONS
from tests.fakes.api_client import closed
from tests.fakes.recomputed import folded
from tests.fakes.sample_history import sample_history

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
UNKNOWN = "nobody"
SAMPLES = {str: UNKNOWN, int: 1, bool: True, datetime: AT}
DETAILS = {**ShowDetails(name="Later").model_dump(), "starts_at": AT, "refund_until": AT}


def event(kind: type[DomainEvent], stream: str, version: int = 1_000, **values: Any) -> DomainEvent:
    """Build a stored event; versions beyond the history's do not matter to the folds."""
    place = {"originator_id": stream, "originator_version": version, "timestamp": AT}
    return kind.build({**place, **values})


@cache
def history() -> tuple[DomainEvent, ...]:
    """Return the sample history, and after it what it lacks: disputes, a cancelled show, refunds that fail."""
    log, _ = asyncio.run(sample_history())
    ticket = next(one.originator_id for one in log if isinstance(one, TicketIssued))
    refund_id = next(one.refund_id for one in log if isinstance(one, RefundRequested))
    purchase = next(one.originator_id for one in log if isinstance(one, RefundRequested))
    payout = next(one.originator_id for one in log if one.TOPIC == "payout.paid")
    refund = {"refund_id": refund_id}
    money = {"currency": "eur", "amount_minor": 500, "parts": {}}
    opened = {"tenant_id": "default", "venue_id": "ve", "originator_topic": "dispute", "purchase_id": "sold"}
    added = [
        event(TicketBlocked, ticket, 1_001, dispute_id="dp"),
        event(TicketUnblocked, ticket, 1_002, dispute_id="dp"),
        event(TicketRedeemed, ticket, 1_003),
        event(EntryUndone, ticket, 1_004, check_in_id="ci"),
        event(ShowDetailsChanged, "show:sh", 1_000, **DETAILS),
        event(PriceChanged, "show:sh", 1_001, ticket_type_id="floor", price_minor=7),
        event(SaleWindowChanged, "show:sh", 1_002, sale_from=None, sale_until=AT),
        event(CapacityChangeBegun, "show:sh", 1_003, number=1, capacities={"floor": 9}),
        event(CapacityChangeEnded, "show:sh", 1_004, number=1, made=True),
        event(ShowCalledOff, "show:sh", 1_005),
        event(
            ShowCancellationBegun, "cancellation:sh", 1, originator_topic="cancellation", tenant_id="default",
            body_digest="d", fees="venue", rate_per_second=1.0,
        ),
        event(ShowCancellationFinished, "cancellation:sh", 2),
        event(RefundOwedAtTill, purchase, 1_001, amount_minor=1, **refund),
        event(RefundPending, purchase, 1_002, stripe_refund_id="re", **refund),
        event(RefundFailed, purchase, 1_003, stripe_refund_id="re", failure="expired_or_canceled_card", **refund),
        event(RefundPaidByBank, purchase, 1_004, dispute_id="dp", amount_minor=1, **refund),
        event(RefundPaidByHand, purchase, 1_005, reference="by hand of Ada", amount_minor=1, **refund),
        event(DisputeOpened, "dispute:dp", 1, **opened, **money),
        event(DisputeWon, "dispute:dp", 2, purchase_id="sold", parts={}),
        event(DisputeLost, "dispute:dp", 3, purchase_id="sold", parts={}),
        event(DisputeReturned, "dispute:dp", 4, purchase_id="sold", parts={}, amount_minor=3, venue_is_owed=False),
        event(DisputeWon, "dispute:dp", 5, purchase_id="sold", parts={}, returned_minor=2),
        event(PayoutReturned, payout, 2, failure="account_closed"),
    ]  # fmt: skip
    return (*log, *added)


def batch() -> DocumentBatch:
    return folded(enumerate(history(), start=1))


def lines() -> list[OutgoingLine]:
    return batch().outgoing


def test_every_type_is_told_and_is_as_its_kept_schema_says() -> None:
    """The events of a history have every type that there is; the kept file of each describes it, field by field."""
    told = {(line.type, line.sent["version"]) for line in lines()}
    assert told ^ MODELS.keys() == set(), "no event of the history in tests/domain/views/test_outgoing.py tells it"
    for line in lines():
        model = MODELS[line.type, line.sent["version"]]
        schema = closed(json.loads(schemas.file_of(model).read_text()))
        faults = [error.message for error in Draft202012Validator(schema).iter_errors(line.sent)]
        assert faults == [], line.type


def test_a_kept_schema_is_of_this_code() -> None:
    """Each model has its file and each file its model, and they say the same."""
    texts = {schemas.file_of(model): schemas.text_of(schemas.schema_of(model)) for model in MODELS.values()}
    assert {file: file.read_text() for file in schemas.FOLDER.iterdir()} == texts, (
        "docs/events/ differs; run `make docs`"
    )


def forgotten(kinds: Collection[type[DomainEvent]]) -> list[str]:
    """Return the file and name of each event that is neither told nor deliberately inside."""
    astray = sorted(kinds - MAPPINGS.keys() - INSIDE, key=lambda kind: kind.TOPIC)
    return [
        f"{Path(sys.modules[kind.__module__].__file__ or '').relative_to(ROOT)}: {kind.__name__}" for kind in astray
    ]


def test_every_domain_event_is_told_or_stays_inside_for_a_reason() -> None:
    """Whoever adds an event decides which of the two it is."""
    assert forgotten(stored_events()) == [], (
        "map each in domain/views/outgoing/ with @tells, or say why it stays inside in inside.py beside this"
    )
    assert INSIDE - stored_events() == set()
    assert INSIDE & MAPPINGS.keys() == set(), "told, and said to be inside: take it out of inside.py beside this"
    assert sum(map(len, REASONS.values())) == len(INSIDE), "one event has two reasons"
    assert len(stored_events()) > len(MAPPINGS) > 20


def test_a_forgotten_event_is_named_with_its_file() -> None:
    """A new event in neither list."""

    class DoorsOpened(DomainEvent[Ticket]):
        """The doors opened."""

        TOPIC = "doors.opened"

    assert forgotten({DoorsOpened, TicketVoided}) == ["tests/domain/views/test_outgoing.py: DoorsOpened"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda data: data["properties"].pop("reason"), "reason: removed"),
        (lambda data: data["required"].remove("reason"), "reason: may now be missing"),
        (lambda data: data["properties"]["reason"].update(type="integer"), "may now be integer"),
        (lambda data: data["properties"].update(more={"type": "string"}), ""),
    ],
)
def test_a_change_that_breaks_readers_is_found(change: Any, told: str) -> None:
    """A field that goes, may be missing or has another type breaks the readers of a version; a new field does not."""
    model = MODELS["order.cancelled", 1]
    kept, present = json.loads(schemas.file_of(model).read_text()), schemas.schema_of(model)
    change(present["properties"]["data"])
    found = schemas.breaks(kept, present)
    assert [told in one for one in found] == ([True] if told else [])


def test_an_id_is_of_one_event_for_ever() -> None:
    """No two events share an id; folding all again, or from another position, gives the same ids."""
    ids = [line.event_id for line in lines()]
    assert len(set(ids)) == len(ids)
    again = folded((position + 7, one) for position, one in enumerate(history(), start=1)).outgoing
    assert [line.event_id for line in again] == ids
    assert event_id_of("order:pu", 9) == "ev_kbx3glahgs2tofy7kwmwsfvhqy"


def test_an_event_has_its_owner() -> None:
    """Tenant and venue bound what a key gets; show and purchase are what it filters and orders by."""
    for line in lines():
        assert line.tenant_id == "default"
        assert line.venue_id == "ve", line.type
        assert (line.show_id is None) == line.type.startswith("payout."), line.type
        of_purchase = line.type.partition(".")[0] in {"order", "ticket", "refund", "dispute"}
        assert (line.purchase_id is not None) == of_purchase, line.type


def test_what_an_operator_wrote_stays_inside() -> None:
    """Free text may name a person, so that no outgoing event repeats it."""
    assert "Ada" not in json.dumps([line.sent for line in lines()])


def test_a_partial_payment_by_a_bank_is_no_success() -> None:
    """The refund succeeds with all of its money; a capacity change that was given up is not told."""
    refund_id = next(one.refund_id for one in history() if isinstance(one, RefundRequested))
    purchase = next(one.originator_id for one in history() if isinstance(one, RefundRequested))
    failed = event(RefundFailed, purchase, 2_000, stripe_refund_id="re", failure="lost", refund_id=refund_id)
    partly = event(RefundPaidByBank, purchase, 2_001, dispute_id="dp", amount_minor=1, refund_id=refund_id)
    given_up = event(CapacityChangeEnded, "show:sh", 2_000, number=1, made=False)
    told = folded(enumerate([*history(), failed, partly, given_up], start=1)).outgoing
    assert [line.type for line in told[len(lines()) :]] == ["refund.failed"]


def sample(kind: Any) -> Any:
    """Return a value of a field's type; a text names nobody."""
    if kind in SAMPLES:
        return SAMPLES[kind]
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if get_origin(kind) in {Union, UnionType}:
        return sample(get_args(kind)[0])
    return get_origin(kind)()


def unknown() -> Iterator[DomainEvent]:
    """Yield an event of each mapped kind whose subject no document knows, but for those that begin their subject."""
    streams = {"token": "ticket"}
    for kind in MAPPINGS:
        if issubclass(kind, CreatedEvent):
            continue
        own = {name: sample(kind_of) for name, kind_of in get_annotations(kind, eval_str=True).items()}
        topic = kind.TOPIC.partition(".")[0]
        yield event(kind, f"{streams.get(topic, topic)}:{UNKNOWN}", **own)


def test_nothing_is_told_of_what_nobody_knows() -> None:
    """An event whose subject has no document is not told: nobody could say whose it is."""
    events = list(unknown())
    assert len(events) > 20
    assert folded(enumerate(events, start=1)).outgoing == []
    elsewhere = [event(TokenMinted, "venue:ve", mint_address="m", signature="s"), event(OrderConfirmed, "order:pu")]
    assert folded(enumerate(elsewhere, start=1)).outgoing == []


def test_an_order_without_a_price_is_not_told() -> None:
    """An order is confirmed at its locked price."""
    request = {
        "tenant_id": "default", "body_digest": "d", "show_id": "sh", "lines": [], "buyer_id": "by", "queue_until": AT,
        "originator_topic": "order",
    }  # fmt: skip
    asked = event(PurchaseRequested, "order:pu", 1, **request)
    told = folded(enumerate([asked, event(OrderConfirmed, "order:pu", 2)], start=1)).outgoing
    assert told == []


def test_two_mappings_or_models_of_one_kind_are_refused() -> None:
    """An event is told once, and a version has one model."""
    with pytest.raises(TypeError, match="has a mapping already"):
        tells(TicketVoided)(lambda _, __: None)
    with pytest.raises(TypeError, match="needs another version"):

        class Again(Data):
            """A second model of a version."""

            TYPE = "ticket.void"
