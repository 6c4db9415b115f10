"""The projected documents match their views: no field is missing, misspelt or of another type."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from adapters.read_models.documents import READ_MODELS, DocumentBatch, ReadModel
from adapters.read_models.purchase import fold
from domain.access.api_key import ApiKey, KeyCreated
from domain.access.endpoint import EndpointCreated, WebhookEndpoint
from domain.catalog.show_cancellation import ShowCancellation, ShowCancellationBegun
from domain.catalog.venue import Venue, VenueRegistered
from domain.core.aggregate import DomainEvent
from domain.payments.dispute import Dispute, DisputeOpened
from domain.payouts.payee import Capabilities, Payee, PayeeNamed
from domain.tickets.check_in import CheckIn, TicketScanned
from domain.tickets.has_token import Drawing
from domain.views.listed import Listing
from domain.views.rows import LISTINGS
from tests.fakes.api_client import closed
from tests.fakes.sample_history import sample_history
from tests.fakes.samples import events_of

AT = datetime(2026, 1, 1, tzinfo=UTC)


def also() -> list[DomainEvent]:
    """Return events missing from the sample history: of a payee, a cancelled show, a key, a scan and so on."""
    payee = Payee.begin(PayeeNamed, "ve", AT, tenant_id="default")
    payee.connect("acct_1", AT)
    payee.record_capabilities(Capabilities(may_receive=True, may_pay_out=False, asked_for=2), AT)
    terms: dict[str, Any] = {"tenant_id": "default", "body_digest": "d", "fees": "venue", "rate_per_second": 2.5}
    cancellation = ShowCancellation.begin(ShowCancellationBegun, "sh", AT, **terms)
    cancellation.pause(AT)
    cancellation.go_on(None, AT)
    cancellation.finish(AT)
    terms = {"tenant_id": "default", "kind": "secret", "label": "", "scopes": ["door"], "bound_to": ""}
    key = ApiKey.begin(KeyCreated, "k", AT, digest_of_secret="d", expires_at=None, **terms)
    key.rotate("e", AT, AT)
    key.revoke(AT)
    scanned: dict[str, Any] = {"tenant_id": "default", "show_id": "sh", "gate": "North", "ticket_id": "ti"}
    scan = CheckIn.begin(TicketScanned, "ci", AT, ticket_type_id="floor", reason="blocked", scanned_at=AT, **scanned)
    venue = Venue.begin(VenueRegistered, "drawn", AT, tenant_id="default", name="Hall", rates={}, body_digest="d")
    venue.draw(Drawing("", "document", "{}", "picture", "<svg/>"), AT)
    venue.pin("document", AT)
    terms = {"tenant_id": "default", "venue_id": "ve", "url": "https://example.org/hook", "types": ["order.fulfilled"]}
    endpoint = WebhookEndpoint.begin(EndpointCreated, "we", AT, after=0, body_digest="d", **terms)
    endpoint.rotate_secret(AT, AT)
    endpoint.switch_off("failing", AT)
    terms = {"tenant_id": "default", "purchase_id": "sold", "venue_id": "ve", "currency": "eur", "amount_minor": 500}
    dispute = Dispute.begin(DisputeOpened, "du", AT, parts={}, **terms)
    dispute.win(500, AT)
    subjects = (payee, cancellation, key, venue, scan, endpoint, dispute)
    return [event for subject in subjects for event in events_of(subject)]


@pytest.fixture(scope="module")
def documents() -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    day, _ = asyncio.run(sample_history())
    documents = DocumentBatch(lambda _, __: None)
    for position, event in enumerate([*day, *also()], start=1):
        fold(documents, event, position)
    for kind, _, document in documents.changed():
        found[kind].append(document)
    return found


VALIDATORS: dict[Any, Draft202012Validator] = {}


def validator(view: Any) -> Draft202012Validator:
    """Return the validator of a view, made once."""
    if view not in VALIDATORS:
        VALIDATORS[view] = Draft202012Validator(closed(TypeAdapter(view).json_schema()))
    return VALIDATORS[view]


def complaints(model: ReadModel[Any], document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator(model.view).iter_errors(document)]


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
def test_every_document_is_its_view(model: ReadModel[Any], documents: dict[str, list[Any]]) -> None:
    """The projection fills each read model according to the view documented by the API."""
    assert documents[model.name]
    for document in documents[model.name]:
        assert complaints(model, document) == []


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
def test_a_forgotten_or_misspelt_field_is_told(model: ReadModel[Any], documents: dict[str, list[Any]]) -> None:
    """The schema check finds a missing and a misspelt field."""
    whole = documents[model.name][0]
    for name in whole:
        lacking = {field: value for field, value in whole.items() if field != name}
        assert complaints(model, lacking)
        assert complaints(model, {**lacking, f"{name}_": whole[name]})


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.kind)
def test_every_row_is_as_its_list_says(listing: Listing[Any, Any], documents: dict[str, list[Any]]) -> None:
    """Each document has a row, and a place under one of the states that its list has."""
    assert documents[listing.kind]
    for document in documents[listing.kind]:
        assert [error.message for error in validator(listing.row).iter_errors(listing.shown(document))] == []
        assert listing.place(document).state in listing.states
