"""A dev chain per module, and a funded payer."""

from collections.abc import Iterator

import pytest
from solders.keypair import Keypair

from tests.devstack.chain.dev_chain import SOL, DevChain


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevChain]:
    with DevChain(tmp_path_factory.mktemp("chain") / "chain.sqlite") as chain:
        yield chain


@pytest.fixture
def chain(shared: DevChain) -> Iterator[DevChain]:
    yield shared
    shared.faults()


@pytest.fixture
def payer(chain: DevChain) -> Keypair:
    key = Keypair()
    chain.result("requestAirdrop", str(key.pubkey()), SOL)
    return key
