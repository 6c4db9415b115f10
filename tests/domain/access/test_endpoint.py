"""A webhook endpoint: its filter, its secrets by number, and when it is on."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.access.endpoint import EndpointCreated, WebhookEndpoint
from domain.core.errors import KeyReused, WrongState
from tests.fakes.samples import events_of, folded, state_of

AT = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def new_endpoint() -> WebhookEndpoint:
    created = {"tenant_id": "default", "venue_id": "", "url": "https://a", "types": ["order.confirmed"], "after": 7}
    return WebhookEndpoint.begin(EndpointCreated, "we", AT, body_digest="d", **created)


def topics(endpoint: WebhookEndpoint) -> list[str]:
    return [event.TOPIC.partition(".")[2] for event in events_of(endpoint)][1:]


def states(endpoint: WebhookEndpoint) -> list[str]:
    """Return the states that the endpoint went through."""
    events = events_of(endpoint)
    return [folded(events[:count]).state for count in range(1, len(events) + 1)]


def test_address_and_filter_change() -> None:
    """Each by itself or both; the same again changes nothing."""
    endpoint = new_endpoint()
    endpoint.change("https://b", None, AT)
    endpoint.change(None, [], AT)
    endpoint.change("https://b", [], AT)
    assert (endpoint.url, endpoint.types) == ("https://b", ())
    assert topics(endpoint) == ["changed", "changed"]


def test_two_secrets_sign_until_the_overlap_is_over() -> None:
    """The newest first."""
    endpoint = new_endpoint()
    assert endpoint.signing_numbers(AT) == (1,)
    assert endpoint.rotate_secret(AT + DAY, AT) == 2
    assert endpoint.signing_numbers(AT) == (2, 1)
    assert endpoint.signing_numbers(AT + DAY) == (2,)


def test_it_is_switched_off_and_on() -> None:
    """Again changes nothing; one that failed may be left off, and is not failing twice."""
    endpoint = new_endpoint()
    endpoint.switch_off("failing", AT)
    endpoint.switch_off("failing", AT)
    assert states(endpoint) == ["on", "failing"]
    endpoint.switch_off("operator", AT)
    endpoint.switch_off("request", AT)
    assert states(endpoint) == ["on", "failing", "off"]
    endpoint.switch_on(AT)
    endpoint.switch_on(AT)
    assert states(endpoint) == ["on", "failing", "off", "on"]
    assert topics(endpoint) == ["switched-off", "switched-off", "switched-on"]


def test_a_deleted_one_stays_deleted() -> None:
    """Nothing changes any more."""
    endpoint = new_endpoint()
    endpoint.delete(AT)
    endpoint.delete(AT)
    assert topics(endpoint) == ["deleted"]
    with pytest.raises(WrongState, match="create another"):
        endpoint.switch_on(AT)
    with pytest.raises(WrongState, match="create another"):
        endpoint.rotate_secret(AT + DAY, AT)


def test_another_body_under_its_key_is_refused() -> None:
    """The same body is a repeat."""
    endpoint = new_endpoint()
    endpoint.check_same("d")
    with pytest.raises(KeyReused):
        endpoint.check_same("e")


def test_it_is_the_fold_of_its_events() -> None:
    """Loaded again it is the same."""
    endpoint = new_endpoint()
    endpoint.change("https://b", ["ticket.void"], AT)
    endpoint.rotate_secret(AT + DAY, AT)
    endpoint.switch_off("request", AT)
    events = events_of(endpoint)
    assert state_of(folded(events)) == state_of(endpoint)
