"""Web socket subscriptions to slots and signatures."""

import json
from typing import Any

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from websockets.sync.client import connect

from tests.devstack.chain.dev_chain import DevChain, pay, send, sign_for

_MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
_TOKEN_2022 = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"


@pytest.mark.parametrize("second_port", [True, False])
def test_the_web_socket_tells_of_slots_and_signatures(chain: DevChain, payer: Keypair, *, second_port: bool) -> None:
    """Both ports accept subscriptions; a signature is notified once it has reached the level."""
    transaction = sign_for(chain, payer, pay(payer, Keypair().pubkey(), 5_000_000))
    port = chain.ws_port if second_port else chain.port
    with connect(f"ws://127.0.0.1:{port}/") as socket:
        wanted = [str(transaction.signatures[0]), {"commitment": "confirmed"}]
        for number, (method, params) in enumerate([("slotSubscribe", []), ("signatureSubscribe", wanted)]):
            socket.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}))
        send(chain, transaction)
        heard: dict[str, Any] = {}
        while not {"slotNotification", "signatureNotification"} <= heard.keys():
            news = json.loads(socket.recv(timeout=10))
            heard[news.get("method", "answer")] = news
    assert heard["signatureNotification"]["params"]["result"]["value"] == {"err": None}
    assert heard["slotNotification"]["params"]["result"]["slot"] > 0
