"""The relay opens a case for a payment that no purchase waits for, and for refunds made at Stripe."""

import pytest

from relay.relay import Relay
from tests.relay.test_relay import RecordedWork, RecordingEngine, clock, engine, relay, stalled, webhook

__all__ = ["clock", "engine", "relay", "stalled"]


@pytest.mark.parametrize(("told", "state"), [(True, "awaiting-payment"), (False, "fulfilled")])
async def test_money_by_another_intent_opens_a_case(
    relay: Relay, engine: RecordingEngine, stalled: RecordedWork, *, told: bool, state: str
) -> None:
    """Neither a waiting nor a sold purchase would read it."""
    stalled.webhooks, stalled.own_intent, stalled.state, engine.delivered = [webhook()], "pi_0", state, told
    await relay.deliver_webhooks()
    assert engine.calls[-1] == ("news", ("payment-case/pi_1", "pu_1", 2))
    assert stalled.marked == ["evt_1"]


async def test_a_refund_that_was_made_elsewhere_opens_a_case(
    relay: Relay, engine: RecordingEngine, stalled: RecordedWork
) -> None:
    """It names only its payment; the purchase is not signalled, since it does not read refunds."""
    stalled.webhooks, stalled.state = [webhook("refund.created", purchase_id=None)], "fulfilled"
    await relay.deliver_webhooks()
    assert engine.calls == [("news", ("payment-case/pi_1", "pu_1", 2))]


async def test_a_payment_of_a_purchase_that_never_was_is_set_aside(
    relay: Relay, engine: RecordingEngine, stalled: RecordedWork
) -> None:
    """Its metadata names a purchase, but there is no such order."""
    stalled.webhooks, stalled.known, engine.delivered = [webhook()], False, False
    await relay.deliver_webhooks()
    assert (engine.calls, stalled.marked) == ([("look_again", "pu_1")], ["evt_1"])
