"""Transfer, Payee and Payout: updates are recorded once, reversals stay within the transfer, debts are netted once."""

import pytest

from domain.core.errors import WrongState
from domain.payouts.payee import Capabilities, Payee, PayeeNamed
from domain.payouts.payout import Payout, PayoutPaid
from domain.payouts.transfer import Transfer, TransferRequested
from tests.fakes.samples import AT, names_of


@pytest.fixture
def transfer() -> Transfer:
    events = {"tenant_id": "t", "venue_id": "ve", "account_id": "acct_1", "charge_id": "ch_1", "currency": "eur"}
    return Transfer.begin(TransferRequested, "pu", AT, amount_minor=1000, refund_ids=[], **events)


@pytest.fixture
def payee() -> Payee:
    return Payee.begin(PayeeNamed, "ve", AT, tenant_id="t")


def test_a_transfer_is_made_once(transfer: Transfer) -> None:
    """Repeats change nothing, and neither does a refusal after the success."""
    transfer.try_again("acct_2", 0, AT)
    assert transfer.make("tr_1", AT)
    assert not transfer.make("tr_1", AT)
    transfer.refuse("late", AT)
    assert (transfer.state, transfer.transfer_id, names_of(transfer)) == ("made", "tr_1", ["TransferMade"])


def test_a_refused_transfer_is_tried_again_with_the_present_account(transfer: Transfer) -> None:
    """Every attempt has a number of its own."""
    transfer.refuse("balance_insufficient", AT)
    transfer.try_again("acct_2", 0, AT)
    assert (transfer.state, transfer.turn, transfer.account_id) == ("requested", 2, "acct_2")


def test_what_a_lost_dispute_took_is_not_sent_once_more(transfer: Transfer) -> None:
    """The loss is deducted once, at most the whole amount; the venue owes the excess."""
    for lost, beyond, left in ((300, 0, 700), (300, 0, 700), (1100, 100, 0), (1100, 100, 0)):
        transfer.refuse("balance_insufficient", AT)
        assert (transfer.try_again("acct_1", lost, AT), transfer.amount_minor) == (beyond, left)


def test_no_more_comes_back_than_went(transfer: Transfer) -> None:
    """A key reverses its part once; the last part is the rest; a refused part is not reversed."""
    with pytest.raises(WrongState):
        transfer.request_reversal("a", 1, AT)
    transfer.make("tr_1", AT)
    for _ in range(2):
        first = transfer.request_reversal("a", 700, AT)
        assert first is not None
        assert (first.amount_minor, first.state) == (700, "requested")
    assert transfer.reverse("a", "trr_1", AT)
    assert not transfer.reverse("a", "trr_1", AT)
    assert not transfer.refuse_reversal("a", "late", AT)
    second = transfer.request_reversal("b", 700, AT)
    assert second is not None
    assert second.amount_minor == 300
    assert transfer.request_reversal("c", 1, AT) is None
    assert transfer.refuse_reversal("b", "balance_insufficient", AT)
    assert not transfer.reverse("b", "trr_2", AT)
    assert transfer.left_minor == 300


def test_a_venue_has_one_account(payee: Payee) -> None:
    """The same account again changes nothing; another one is refused."""
    payee.connect("acct_1", AT)
    payee.connect("acct_1", AT)
    with pytest.raises(WrongState):
        payee.connect("acct_2", AT)
    payee.record_capabilities(Capabilities(may_receive=True), AT)
    payee.record_capabilities(Capabilities(may_receive=True), AT)
    assert names_of(payee) == ["AccountConnected", "AccountChanged"]


def test_what_is_owed_is_netted_once_and_at_most_all_of_it(payee: Payee) -> None:
    """Debts are deducted per currency, and once per key."""
    for _ in range(2):
        payee.note_shortfall("a", "eur", 500, AT)
    assert payee.net("b", "usd", 400, AT) == 400
    assert payee.net("b", "eur", 400, AT) == 0
    assert payee.owed_minor["eur"] == 100
    assert payee.net("b", "eur", 400, AT) == 400
    assert payee.net("c", "eur", 400, AT) == 300
    assert payee.net("d", "eur", 400, AT) == 400


def test_what_was_taken_too_much_goes_with_the_next_shares(payee: Payee) -> None:
    """Each share takes as much as it has room for: the rest is left for the next one."""
    payee.note_shortfall("cash", "eur", 150, AT)
    assert payee.net("a", "eur", 400, AT) == 250
    payee.note_shortfall("cash:refund", "eur", -150, AT)
    assert payee.net("b", "eur", 400, AT) == 400
    assert payee.net("c", "eur", 400, AT, room_minor=100) == 500
    for _ in range(2):
        assert payee.net("d", "eur", 0, AT, room_minor=100) in {50, 0}
    assert payee.owed_minor["eur"] == 0


def test_a_payout_comes_back_once() -> None:
    """A second return is not recorded."""
    events = {"tenant_id": "t", "venue_id": "ve", "amount_minor": 5, "currency": "eur"}
    payout = Payout.begin(PayoutPaid, "po_1", AT, **events)
    assert payout.come_back("account_closed", AT)
    assert not payout.come_back("account_closed", AT)
    assert payout.state == "returned"
