"""The dev chain's process: state over a kill, listening address, shutdown, disk errors."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest
from solders.keypair import Keypair

from tests.devstack.chain.dev_chain import FEE, SOL, DevChain, balance, pay, send, sign_for, status


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[DevChain]:
    with DevChain(tmp_path / "chain.sqlite") as started:
        yield started


def test_kill_nine_forgets_nothing(chain: DevChain) -> None:
    """After SIGKILL and a restart accounts, balances, signatures and the slot are unchanged."""
    payer, friend = Keypair(), Keypair().pubkey()
    chain.result("requestAirdrop", str(payer.pubkey()), SOL)
    sent = [sign_for(chain, payer, pay(payer, friend, 10_000_000 + number)) for number in range(20)]
    failed = sign_for(chain, payer, pay(payer, friend, 100 * SOL))
    for transaction in [*sent, failed]:
        assert "result" in send(chain, transaction)
    slot = chain.result("getSlot", {"commitment": "processed"})
    genesis = chain.result("getGenesisHash")
    chain.kill()
    chain.start()

    moved = sum(10_000_000 + number for number in range(20))
    assert balance(chain, friend) == moved
    assert balance(chain, payer.pubkey()) == SOL - moved - 21 * FEE
    assert all(status(chain, transaction) for transaction in sent)
    assert (status(chain, failed) or {})["err"] == {"InstructionError": [0, {"Custom": 1}]}
    assert chain.result("getSlot", {"commitment": "processed"}) >= slot
    assert chain.result("getGenesisHash") == genesis
    assert "already been processed" in send(chain, sent[0], skipPreflight=False)["error"]["message"]
    assert balance(chain, friend) == moved


def test_it_listens_on_loopback_only(chain: DevChain) -> None:
    """Nothing outside this machine can reach either port."""
    listening = [one.laddr for one in psutil.Process(chain.pid).net_connections() if one.status == psutil.CONN_LISTEN]
    assert {(one.ip, one.port) for one in listening} == {("127.0.0.1", chain.port), ("127.0.0.1", chain.ws_port)}


def test_it_stops_politely(chain: DevChain) -> None:
    """SIGTERM ends both servers."""
    assert chain.stop() in {0, -signal.SIGTERM}
    with pytest.raises(httpx.TransportError):
        chain.call("getHealth")


def test_it_leaves_when_its_file_fails(chain: DevChain, tmp_path: Path) -> None:
    """A result that cannot be stored is not answered: the process exits."""
    with closing(sqlite3.connect(tmp_path / "chain.sqlite")) as db:
        db.execute("DROP TABLE transaction_accounts")
    with pytest.raises(httpx.TransportError):
        chain.call("requestAirdrop", str(Keypair().pubkey()), SOL)
    assert chain.wait() == os.EX_IOERR
