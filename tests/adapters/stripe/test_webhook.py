"""Only a signature decides about a webhook: a signed event of any shape is read, and one without a signature is not."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from adapters.stripe.webhook import verify_webhook
from domain.core.errors import WebhookForged
from domain.payments.webhook_event import DECIDING, DISPUTE_NEWS, PAYOUT_NEWS, REFUND_NEWS, WebhookEvent
from tests.adapters.stripe.odd_events import HANDLED, STORED_ONLY, WHOLE, event, subject
from tests.fakes.identity import DEPLOYMENT

NEW, OLD = "whsec_new", "whsec_old"
TYPES = sorted({*DECIDING, *DISPUTE_NEWS, *REFUND_NEWS, *PAYOUT_NEWS, "account.updated", "balance.available"})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "object", "metadata", "x"]), inner),
    max_leaves=8,
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON, "type": st.sampled_from(TYPES) | JSON, "created": JSON, "account": JSON,
        "data": st.fixed_dictionaries({}, optional={"object": JSON}) | JSON, "related_object": JSON,
    },
)  # fmt: skip


def signed(text: str, secret: str = NEW) -> str:
    header: str = stripe.WebhookSignature.generate_signature_header(text, secret)
    return header


def read(text: str) -> WebhookEvent:
    return verify_webhook(text.encode(), signed(text), [NEW], DEPLOYMENT.deployment_id)


@pytest.mark.slow
@given(EVENTS | JSON)
def test_a_signed_event_of_any_shape_is_read(shape: Any) -> None:
    """Whatever the values are, the event is read into ids that a database stores, times that it stores, and None."""
    found = read(json.dumps(shape))
    texts = (found.event_id, found.type, found.object_id, found.intent_id, found.purchase_id, found.account_id)
    assert all(text is None or (0 < len(text) <= 255 and text.isascii() and text.isprintable()) for text in texts)
    assert found.created is None or 1970 <= found.created.year < 2200


@pytest.mark.parametrize("name", STORED_ONLY)
def test_an_event_that_nobody_acts_on_says_so(name: str) -> None:
    """An event of an unknown kind, or without a name of its object, is handled by nobody."""
    assert read(STORED_ONLY[name]).handled_by is None


@pytest.mark.parametrize("name", HANDLED)
def test_an_odd_event_is_still_acted_on(name: str) -> None:
    """A value that cannot be read is left out, and the rest decides."""
    found = read(HANDLED[name])
    assert (found.handled_by, found.intent_id) == ("purchase", "pi_1")


@pytest.mark.parametrize(
    ("text", "handler"),
    [
        (event(), "purchase"),
        (event(type="refund.updated", data={"object": {"id": "re_1", "object": "refund"}}), "refund"),
        (event(type="charge.dispute.closed", data={"object": {"id": "du_1", "payment_intent": "pi_1"}}), "dispute"),
        (event(type="refund.created", data={"object": {"id": "re_1", "payment_intent": {"id": "pi_1"}}}), "purchase"),
        (event(type="account.updated", account="acct_1"), "account"),
        (event(type="payout.paid", account="acct_1", data={"object": {"id": "po_1"}}), "payout"),
        (subject(id=None), "purchase"),
    ],
)
def test_an_event_names_its_handler(text: str, handler: str) -> None:
    """Each kind of event causes one kind of work."""
    assert read(text).handled_by == handler


def test_an_event_without_an_id_is_known_by_its_body() -> None:
    """The same body is the same event, and another body another."""
    one, again, other = (read(event(id=None, livemode=live)) for live in (False, False, True))
    assert one.event_id == again.event_id == f"sha256:{one.digest}"
    assert other.event_id != one.event_id


def test_a_thin_event_names_its_object_and_time() -> None:
    """Its object is the related one, and its time is ISO 8601."""
    found = read(STORED_ONLY["a thin event"])
    assert (found.event_id, found.object_id, found.created) == ("evt_65", "mtr_1", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_two_secrets_are_taken_while_one_rotates(secret: str) -> None:
    """Both the new secret and the old one sign, in either order."""
    for secrets in ([NEW, OLD], [OLD, NEW]):
        assert (
            verify_webhook(event().encode(), signed(event(), secret), secrets, DEPLOYMENT.deployment_id).event_id
            == WHOLE["id"]
        )


@pytest.mark.parametrize(
    "header",
    ["", "t=1", "v1=x", "t=x,v1=x", "t=" + "9" * 5000 + ",v1=x", "t=1,v1=\u00e9", "\0", "=" * 999, "t=1,v0=x"],
)
def test_a_bad_signature_is_the_only_refusal(header: str) -> None:
    """Whatever the header is, the answer is a refusal and no error."""
    for secrets in ([NEW], [NEW, OLD], [""], []):
        with pytest.raises(WebhookForged):
            verify_webhook(event().encode(), header, secrets, DEPLOYMENT.deployment_id)


def test_a_body_that_is_no_text_has_no_signature() -> None:
    """Stripe signs text: bytes that are no UTF-8 are refused as forged."""
    with pytest.raises(WebhookForged):
        verify_webhook(b"\xff", signed("\ufffd"), [NEW], DEPLOYMENT.deployment_id)
