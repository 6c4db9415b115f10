"""The relay opens a case for money that no purchase waits for, and for refunds that were made elsewhere."""

import pytest

from relay.relay import Relay
from tests.relay.test_relay import RecordingEngine, Standing, engine, hint, relay, standing

__all__ = ["engine", "relay", "standing"]


@pytest.mark.parametrize(("told", "state"), [(True, "awaiting-payment"), (False, "fulfilled")])
async def test_money_by_another_intent_opens_a_case(
    relay: Relay, engine: RecordingEngine, standing: Standing, *, told: bool, state: str
) -> None:
    """Neither a purchase that waits nor one that is sold would look at it."""
    standing.hints, standing.own_intent, standing.state, engine.told = [hint()], "pi_0", state, told
    await relay.signal_hints()
    assert engine.asked[-1] == ("open_case", ("pu_1", 2, "pi_1", "sh_1", "ve_1"))
    assert standing.marked == ["evt_1"]


async def test_a_refund_that_was_made_elsewhere_opens_a_case(
    relay: Relay, engine: RecordingEngine, standing: Standing
) -> None:
    """It names only its payment; a purchase is not woken for it, since it would not look at refunds."""
    standing.hints, standing.state = [hint("refund.created", purchase_id=None)], "fulfilled"
    await relay.signal_hints()
    assert engine.asked == [("open_case", ("pu_1", 2, "pi_1", "sh_1", "ve_1"))]


async def test_a_payment_of_a_purchase_that_never_was_is_set_aside(
    relay: Relay, engine: RecordingEngine, standing: Standing
) -> None:
    """Whoever wrote our name on it, no fact knows of it."""
    standing.hints, standing.known, engine.told = [hint()], False, False
    await relay.signal_hints()
    assert (engine.asked, standing.marked) == ([("look_again", "pu_1")], ["evt_1"])
